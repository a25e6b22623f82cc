/* What the programs need of the kernel beyond linux/bpf.h: helpers by number, maps as the loader (../object.ts) reads them. */
#ifndef FAIRLEAD_KERNEL_H
#define FAIRLEAD_KERNEL_H

#include <linux/bpf.h>

#define SECTION(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))

struct map_definition {
  __u32 type;
  __u32 key_size;
  __u32 value_size;
  __u32 max_entries;
  __u32 flags;
};

#define MAP(name, map_type, key_type, value_type, entries, map_flags)                                                  \
  struct map_definition name SECTION("maps") = {                                                                       \
      .type = map_type,                                                                                                \
      .key_size = sizeof(key_type),                                                                                    \
      .value_size = sizeof(value_type),                                                                                \
      .max_entries = entries,                                                                                          \
      .flags = map_flags,                                                                                              \
  }

static void *(*map_lookup)(void *map, const void *key) = (void *)BPF_FUNC_map_lookup_elem;
static long (*map_update)(void *map, const void *key, const void *value, __u64 flags) = (void *)BPF_FUNC_map_update_elem;
static long (*map_delete)(void *map, const void *key) = (void *)BPF_FUNC_map_delete_elem;
static __u32 (*random_u32)(void) = (void *)BPF_FUNC_get_prandom_u32;
static __u64 (*socket_cookie)(void *context) = (void *)BPF_FUNC_get_socket_cookie;
static __u64 (*netns_cookie)(void *context) = (void *)BPF_FUNC_get_netns_cookie;
/* Nanoseconds since boot, those in suspension too. */
static __u64 (*now_ns)(void) = (void *)BPF_FUNC_ktime_get_boot_ns;
/* Since Linux 5.18; the 6.1 header may lack the name. */
static long (*set_error)(int error) = (void *)187;

static long (*load_bytes)(const void *packet, __u32 offset, void *to, __u32 size) = (void *)BPF_FUNC_skb_load_bytes;
static long (*store_bytes)(void *packet, __u32 offset, const void *from, __u32 size, __u64 flags) = (void *)BPF_FUNC_skb_store_bytes;
static long (*replace_header_sum)(void *packet, __u32 offset, __u64 from, __u64 to, __u64 size) = (void *)BPF_FUNC_l3_csum_replace;
static long (*replace_sum)(void *packet, __u32 offset, __u64 from, __u64 to, __u64 flags) = (void *)BPF_FUNC_l4_csum_replace;
static __s64 (*sum_difference)(const void *from, __u32 from_size, const void *to, __u32 to_size, __u32 seed) = (void *)BPF_FUNC_csum_diff;

#define NS_PER_SECOND 1000000000ull
#define network_order_16(number) __builtin_bswap16(number)
#define network_order_32(number) __builtin_bswap32(number)

#endif
