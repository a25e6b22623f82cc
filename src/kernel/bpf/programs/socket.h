/*
 * Sockets of the node and its Pods: a connect() or sendto() to a Service goes to an endpoint, and names that come back are the
 * Service's. There is no translation of packets then, and no connection tracking.
 *
 *   connect, sendmsg ── destination is a Service's? ── choose ──▶ endpoint; `origins` remembers the Service's address
 *   recvmsg, getpeername ── peer in `origins`? ──▶ the Service's address
 *
 * A datagram may come from what is a Service's address too: from the node, as a masqueraded client's, from a port that is a node
 * port's number. The answer is the client's then, and not the Service's.
 *
 * What is not found here passes unchanged: the packet rules take it. So do datagram sockets that get a peer: they would stay with
 * their endpoint when it goes, as no hook sees what they send, while the packet rules' flows can be deleted.
 */
#ifndef FAIRLEAD_SOCKET_H
#define FAIRLEAD_SOCKET_H

#include "services.h"

#define EVERYBODY_ELSE 1 /* go on */
#define REFUSE 0
#define ERROR_REFUSED (-111)
#define TCP 6
#define UDP 17
/* A datagram socket without a peer keeps its endpoint while it sends at least this often. */
#define FLOW_SEC 60

#define MAPPED network_order_32(0xffffu)

INLINE int is_ours(struct bpf_sock_addr *context, const struct settings *settings, int *is_node) {
  __u64 cookie = netns_cookie(context);
  *is_node = cookie == settings->node;
  if (*is_node || settings->scope == SCOPE_ALL) return 1;
  if (netns_cookie(0) == settings->node) return 1;
  return map_lookup(&members, &cookie) != 0;
}

INLINE struct service *find_service(struct destination *to, int is_node) {
  struct service *service = map_lookup(&services, to);
  if (service) return service;
  __u32 *loopback = map_lookup(&addresses, &to->address);
  if (!loopback || (*loopback && !is_node)) return 0;
  struct destination any = {.address = {.word = {0, 0, to->address.word[2] == MAPPED ? MAPPED : 0, 0}}, .port = to->port, .protocol = to->protocol};
  return map_lookup(&services, &any);
}

INLINE struct endpoint *find_choice(void *map, const void *chooser, const struct service *service, __u32 lifetime_sec) {
  struct choice *choice = map_lookup(map, chooser);
  if (!choice) return 0;
  __u64 now = now_ns();
  if (now - choice->used_at_ns >= lifetime_sec * NS_PER_SECOND) return 0;
  struct handle key = {.set = service->set, .handle = choice->handle};
  struct endpoint *endpoint = map_lookup(&handles, &key);
  if (endpoint) choice->used_at_ns = now;
  return endpoint;
}

INLINE struct endpoint *pick(const struct service *service) {
  if (service->count == 0) return 0;
  struct slot slot = {.set = service->set, .index = random_u32() % service->count};
  struct endpoint *endpoint = map_lookup(&endpoints, &slot);
  if (endpoint) return endpoint;
  /* The set is just getting smaller. */
  slot.index = 0;
  return map_lookup(&endpoints, &slot);
}

INLINE struct endpoint *choose_again(void *map, const void *chooser, const struct service *service, __u32 lifetime_sec) {
  struct endpoint *endpoint = find_choice(map, chooser, service, lifetime_sec);
  if (endpoint) return endpoint;
  endpoint = pick(service);
  if (!endpoint) return 0;
  struct choice choice = {.used_at_ns = now_ns(), .handle = endpoint->handle};
  if (map_update(map, chooser, &choice, BPF_NOEXIST) == 0) return endpoint;
  /* Another processor was first, with a choice that stands; or what is there is stale. */
  struct endpoint *first = find_choice(map, chooser, service, lifetime_sec);
  if (first) return first;
  map_update(map, chooser, &choice, BPF_ANY);
  return endpoint;
}

INLINE struct endpoint *choose(struct bpf_sock_addr *context, const struct service *service, int is_flow) {
  struct chooser chooser = {.service = service->id};
  if (service->affinity_sec) {
    chooser.cookie = netns_cookie(context);
    return choose_again(&clients, &chooser, service, service->affinity_sec);
  }
  if (!is_flow) return pick(service);
  chooser.cookie = socket_cookie(context);
  return choose_again(&flows, &chooser, service, FLOW_SEC);
}

INLINE struct origin *find_origin(struct bpf_sock_addr *context, const struct address *address, __u16 port) {
  struct peer peer = {.socket = socket_cookie(context), .address = *address, .port = port};
  return map_lookup(&origins, &peer);
}

INLINE void set_origin(struct bpf_sock_addr *context, const struct address *address, __u16 port, const struct destination *to) {
  struct peer peer = {.socket = socket_cookie(context), .address = *address, .port = port};
  struct origin origin = {.address = to->address, .port = to->port};
  map_update(&origins, &peer, &origin, BPF_ANY);
}

INLINE int is_at(const struct origin *origin, const struct address *address, __u16 port) {
  __u32 difference = origin->port ^ port;
  for (int n = 0; n < 4; n++) difference |= origin->address.word[n] ^ address->word[n];
  return difference == 0;
}

/* Whether the socket was sent a datagram from there. */
INLINE int has_asked(struct bpf_sock_addr *context, const struct destination *client) {
  struct origin *origin = find_origin(context, &client->address, client->port);
  return origin && is_at(origin, &client->address, client->port);
}

/* Says where to go in `to`; the result is the program's, or -1 for "nowhere else". */
#define UNCHANGED (-1)
INLINE int forward(struct bpf_sock_addr *context, struct destination *to, int is_send) {
  __u32 zero = 0;
  struct settings *settings = map_lookup(&settings_map, &zero);
  int is_node = 0;
  if (!settings || !is_ours(context, settings, &is_node)) return UNCHANGED;
  struct service *service = find_service(to, is_node);
  if (!service || (is_send && has_asked(context, to))) return UNCHANGED;
  if (service->flags & SERVICE_REFUSED) {
    set_error(ERROR_REFUSED);
    return REFUSE;
  }
  struct endpoint *endpoint = choose(context, service, is_send);
  if (!endpoint) return UNCHANGED;
  set_origin(context, &endpoint->address, endpoint->port, to);
  to->address = endpoint->address;
  to->port = endpoint->port;
  return EVERYBODY_ELSE;
}

/* A datagram from `from`, which is no endpoint that the socket has sent to. */
INLINE void receive(struct bpf_sock_addr *context, struct destination *from) {
  __u32 zero = 0;
  struct settings *settings = map_lookup(&settings_map, &zero);
  int is_node = 0;
  if (!settings || !is_ours(context, settings, &is_node) || !find_service(from, is_node)) return;
  set_origin(context, &from->address, from->port, from);
}

INLINE struct address address4(struct bpf_sock_addr *context) {
  struct address address = {.word = {0, 0, MAPPED, context->user_ip4}};
  return address;
}

INLINE struct address address6(struct bpf_sock_addr *context) {
  struct address address;
  address.word[0] = context->user_ip6[0];
  address.word[1] = context->user_ip6[1];
  address.word[2] = context->user_ip6[2];
  address.word[3] = context->user_ip6[3];
  return address;
}

INLINE void put4(struct bpf_sock_addr *context, const struct address *address, __u16 port) {
  context->user_ip4 = address->word[3];
  context->user_port = port;
}

INLINE void put6(struct bpf_sock_addr *context, const struct address *address, __u16 port) {
  context->user_ip6[0] = address->word[0];
  context->user_ip6[1] = address->word[1];
  context->user_ip6[2] = address->word[2];
  context->user_ip6[3] = address->word[3];
  context->user_port = port;
}

#define GO(version, is_send)                                                                                           \
  do {                                                                                                                 \
    __u32 protocol = context->protocol;                                                                                \
    if (protocol != (is_send ? UDP : TCP)) return EVERYBODY_ELSE;                                                      \
    struct destination to = {                                                                                          \
        .address = address##version(context), .port = context->user_port, .protocol = protocol};                      \
    int result = forward(context, &to, is_send);                                                                       \
    if (result == UNCHANGED) return EVERYBODY_ELSE;                                                                    \
    if (result == EVERYBODY_ELSE) put##version(context, &to.address, to.port);                                         \
    return result;                                                                                                     \
  } while (0)

#define COME_BACK(version, is_receipt)                                                                                 \
  do {                                                                                                                 \
    struct destination from = {.address = address##version(context), .port = context->user_port, .protocol = UDP};     \
    struct origin *origin = find_origin(context, &from.address, from.port);                                            \
    if (origin) put##version(context, &origin->address, origin->port);                                                 \
    else if (is_receipt) receive(context, &from);                                                                      \
    return EVERYBODY_ELSE;                                                                                             \
  } while (0)

SECTION("cgroup/connect4") int connect4(struct bpf_sock_addr *context) { GO(4, 0); }
SECTION("cgroup/connect6") int connect6(struct bpf_sock_addr *context) { GO(6, 0); }
SECTION("cgroup/sendmsg4") int sendmsg4(struct bpf_sock_addr *context) { GO(4, 1); }
SECTION("cgroup/sendmsg6") int sendmsg6(struct bpf_sock_addr *context) { GO(6, 1); }
SECTION("cgroup/recvmsg4") int recvmsg4(struct bpf_sock_addr *context) { COME_BACK(4, 1); }
SECTION("cgroup/recvmsg6") int recvmsg6(struct bpf_sock_addr *context) { COME_BACK(6, 1); }
SECTION("cgroup/getpeername4") int getpeername4(struct bpf_sock_addr *context) { COME_BACK(4, 0); }
SECTION("cgroup/getpeername6") int getpeername6(struct bpf_sock_addr *context) { COME_BACK(6, 0); }

#endif
