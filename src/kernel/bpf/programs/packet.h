/*
 * Packets from outside, on the node's own devices: the first one of a connection to a Service gets an endpoint, which the
 * following ones keep, and packets back get the Service's address again. The kernel forwards what was rewritten, and its packet
 * rules masquerade it where the mark asks for it.
 *
 *   ingress ── in `ways`, or to a Service in `outside`? ──▶ destination := endpoint
 *   egress ─── in `returns`? ──▶ source := Service
 *
 * A client may use one port for two addresses of a Service at once: the endpoint then sees another port of the second flow.
 *
 * Left to the packet rules, unchanged: fragments, IP options and extension headers, connections that began before, sources among
 * Pods, UDP to the node's own addresses, Services that reject, drop, or ask for source ranges.
 */
#ifndef FAIRLEAD_PACKET_H
#define FAIRLEAD_PACKET_H

#include "socket.h"
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#define NEXT (-1) /* TCX_NEXT: whatever else is on the device */
#define ICMP 1
#define ICMPV6 58
/* A SYN that comes again so soon is the same connection's. */
#define RETRANSMIT_SEC 3
#define UDP_FLOW_SEC 120
#define TCP_FLAGS 13
#define TCP_SYN 0x02
#define TCP_END_MASK 0x05
#define TCP_IDLE_SEC 3600 /* as in src/proxy/backends/ebpf/retire.ts */
#define TCP_START_MASK 0x17 /* FIN, SYN, RST, ACK */
/* So many ports are tried for a client whose own is in use. */
#define PORT_TRIES 8
#define FIRST_PORT 1024

struct packet {
  struct address source;
  struct address target;
  __u16 source_port;
  __u16 target_port;
  __u8 protocol;
  __u8 is_ipv6;
  __u8 is_start; /* may begin a connection */
  __u8 is_icmp;
  __u8 is_end; /* FIN or RST */
  __u8 zero[3];
  __u32 payload; /* offset of the header behind IP's */
};

INLINE int parse_ipv4(struct __sk_buff *skb, __u32 at, struct packet *packet) {
  struct iphdr ip;
  if (load_bytes(skb, at, &ip, sizeof ip) || ip.version != 4 || ip.ihl != 5) return 0;
  if (ip.frag_off & network_order_16(0x3fff)) return 0;
  packet->source = (struct address){.word = {0, 0, MAPPED, ip.saddr}};
  packet->target = (struct address){.word = {0, 0, MAPPED, ip.daddr}};
  packet->protocol = ip.protocol;
  packet->payload = at + sizeof ip;
  return 1;
}

INLINE int parse_ipv6(struct __sk_buff *skb, __u32 at, struct packet *packet) {
  struct ipv6hdr ip;
  if (load_bytes(skb, at, &ip, sizeof ip) || ip.version != 6) return 0;
  __builtin_memcpy(&packet->source, &ip.saddr, sizeof ip.saddr);
  __builtin_memcpy(&packet->target, &ip.daddr, sizeof ip.daddr);
  packet->protocol = ip.nexthdr;
  packet->payload = at + sizeof ip;
  packet->is_ipv6 = 1;
  return 1;
}

INLINE int parse(struct __sk_buff *skb, struct packet *packet) {
  __u16 ports[2];
  __u8 flags = 0;
  if (skb->protocol == network_order_16(ETH_P_IP)) {
    if (!parse_ipv4(skb, ETH_HLEN, packet)) return 0;
  } else if (skb->protocol == network_order_16(ETH_P_IPV6)) {
    if (!parse_ipv6(skb, ETH_HLEN, packet)) return 0;
  } else {
    return 0;
  }
  if (packet->protocol == (packet->is_ipv6 ? ICMPV6 : ICMP)) packet->is_icmp = 1;
  if (packet->is_icmp) return 1;
  if (packet->protocol != TCP && packet->protocol != UDP) return 0;
  if (load_bytes(skb, packet->payload, ports, sizeof ports)) return 0;
  packet->source_port = ports[0];
  packet->target_port = ports[1];
  if (packet->protocol == TCP && load_bytes(skb, packet->payload + TCP_FLAGS, &flags, sizeof flags)) return 0;
  packet->is_start = packet->protocol == UDP || (flags & TCP_START_MASK) == TCP_SYN;
  packet->is_end = packet->protocol == TCP && (flags & TCP_END_MASK);
  return 1;
}

/* Offsets behind the start of the IP header, and of the transport's checksum behind its own. */
#define field(type, name) __builtin_offsetof(struct type, name)

/* Of the transport's checksum. */
INLINE __u32 sum_at(const struct packet *packet) {
  return packet->payload + (packet->protocol == TCP ? 16 : 6);
}

/* UDP may go without a checksum: zero stays zero. */
INLINE __u64 sum_flags(const struct packet *packet) {
  return packet->protocol == UDP ? BPF_F_MARK_MANGLED_0 : 0;
}

INLINE void rewrite_port(struct __sk_buff *skb, const struct packet *packet, int is_source, __u16 port) {
  __u16 old = is_source ? packet->source_port : packet->target_port;
  if (old == port) return;
  replace_sum(skb, sum_at(packet), old, port, sum_flags(packet) | 2);
  store_bytes(skb, packet->payload + (is_source ? 0 : 2), &port, sizeof port, 0);
}

INLINE void rewrite(struct __sk_buff *skb, const struct packet *packet, int is_source, const struct address *address, __u16 port) {
  const struct address *old = is_source ? &packet->source : &packet->target;
  __u64 flags = sum_flags(packet) | BPF_F_PSEUDO_HDR;
  if (packet->is_ipv6) {
    __s64 difference = sum_difference(old, sizeof *old, address, sizeof *address, 0);
    replace_sum(skb, sum_at(packet), 0, difference, flags);
    store_bytes(skb, ETH_HLEN + (is_source ? field(ipv6hdr, saddr) : field(ipv6hdr, daddr)), address, sizeof *address, 0);
  } else {
    replace_sum(skb, sum_at(packet), old->word[3], address->word[3], flags | 4);
    replace_header_sum(skb, ETH_HLEN + field(iphdr, check), old->word[3], address->word[3], 4);
    store_bytes(skb, ETH_HLEN + (is_source ? field(iphdr, saddr) : field(iphdr, daddr)), &address->word[3], 4, 0);
  }
  rewrite_port(skb, packet, is_source, port);
}

INLINE int is_in(const struct address *address, const struct block *block) {
  __u32 other = 0;
  for (int n = 0; n < 4; n++) other |= (address->word[n] & block->mask.word[n]) ^ block->address.word[n];
  return other == 0;
}

INLINE int is_pod(const struct address *address) {
  for (__u32 n = 0; n < POD_BLOCKS; n++) {
    __u32 index = n;
    struct block *block = map_lookup(&pod_blocks, &index);
    /* A block that is not there has no mask. */
    if (block && (block->mask.word[0] | block->mask.word[3]) && is_in(address, block)) return 1;
  }
  return 0;
}

INLINE struct service *find_outside(struct packet *packet) {
  struct destination to = {.address = packet->target, .port = packet->target_port, .protocol = packet->protocol};
  struct service *service = map_lookup(&outside, &to);
  /* Answers to masqueraded datagrams may come to any port of the node. */
  if (packet->protocol == UDP) return service && !map_lookup(&addresses, &packet->target) ? service : 0;
  if (service) return service;
  __u32 *loopback = map_lookup(&addresses, &packet->target);
  if (!loopback || *loopback) return 0;
  to.address = (struct address){.word = {0, 0, packet->is_ipv6 ? 0 : MAPPED, 0}};
  return map_lookup(&outside, &to);
}

/* The flow as its endpoint has it. */
INLINE struct flow flow_back(const struct flow *flow, const struct way *way) {
  struct flow back = *flow;
  back.other = way->endpoint.address;
  back.other_port = way->endpoint.port;
  back.client_port = way->client_port;
  return back;
}

INLINE int is_same(const struct way_back *one, const struct way_back *other) {
  return one->client_port == other->client_port && is_at(&one->origin, &other->origin.address, other->origin.port);
}

INLINE struct way_back way_back_of(const struct flow *flow, __u64 now) {
  struct way_back way_back = {
      .origin = {.address = flow->other, .port = flow->other_port},
      .client_port = flow->client_port,
      .used_at_ns = now,
  };
  return way_back;
}

/* The answers of a connection that has not ended come back to it. */
INLINE int is_open(const struct flow *flow, const struct way *way) {
  struct flow back = flow_back(flow, way);
  struct way_back mine = way_back_of(flow, 0);
  struct way_back *there = map_lookup(&returns, &back);
  return there && there->used_at_ns > TAKING && is_same(there, &mine);
}

INLINE int is_valid(const struct packet *packet, const struct flow *flow, const struct way *way, __u64 now) {
  __u64 age = now - way->used_at_ns;
  if (packet->protocol == TCP)
    return !packet->is_start || (age < RETRANSMIT_SEC * NS_PER_SECOND && is_open(flow, way));
  struct handle key = {.set = way->set, .handle = way->endpoint.handle};
  return age < UDP_FLOW_SEC * NS_PER_SECOND && map_lookup(&handles, &key);
}

INLINE struct endpoint *choose_outside(struct packet *packet, const struct service *service) {
  struct visitor visitor = {.address = packet->source, .service = service->id};
  return service->affinity_sec ? choose_again(&visitors, &visitor, service, service->affinity_sec) : pick(service);
}

INLINE int is_live(__u8 protocol, __u64 used_at_ns, __u64 now) {
  __u64 idle_sec = protocol == TCP ? TCP_IDLE_SEC : UDP_FLOW_SEC;
  return used_at_ns > TAKING && now - used_at_ns < idle_sec * NS_PER_SECOND;
}

/*
 * Takes the way back for a flow, unless it is another's that still lives. Of two flows that begin on two processors at the same
 * time one gets it: each step that takes it is atomic.
 */
INLINE int take(const struct flow *back, const struct way_back *mine) {
  if (map_update(&returns, back, mine, BPF_NOEXIST) == 0) return 1;
  struct way_back *there = map_lookup(&returns, back);
  if (!there) return 0;
  __u64 used_at = there->used_at_ns;
  if (is_live(back->protocol, used_at, mine->used_at_ns)) return is_same(there, mine);
  if (used_at == TAKING || __sync_val_compare_and_swap(&there->used_at_ns, used_at, TAKING) != used_at) return 0;
  if (map_update(&returns, back, mine, BPF_ANY) == 0) return 1;
  there->used_at_ns = 0;
  return 0;
}

/* A client that goes to an endpoint itself is answered by the endpoint, though it had the same port at the Service before. */
INLINE void go_directly(const struct flow *flow) {
  struct way_back *way_back = map_lookup(&returns, flow);
  if (way_back && !is_live(flow->protocol, way_back->used_at_ns, now_ns())) map_delete(&returns, flow);
}

INLINE int begin(struct packet *packet, struct flow *flow, struct way *way) {
  if (is_pod(&packet->source)) return 0;
  struct service *service = find_outside(packet);
  if (!service) {
    go_directly(flow);
    return 0;
  }
  struct endpoint *endpoint = choose_outside(packet, service);
  if (!endpoint) return 0;
  way->endpoint = *endpoint;
  way->set = service->set;
  way->flags = service->flags;
  way->used_at_ns = now_ns();
  way->client_port = flow->client_port;
  struct flow back = flow_back(flow, way);
  struct way_back mine = way_back_of(flow, way->used_at_ns);
  for (int n = 0; n < PORT_TRIES; n++) {
    if (take(&back, &mine)) {
      way->client_port = back.client_port;
      return map_update(&ways, flow, way, BPF_ANY) == 0;
    }
    back.client_port = network_order_16((__u16)(FIRST_PORT + random_u32() % (0x10000 - FIRST_PORT)));
  }
  return 0;
}

INLINE void end(const struct flow *flow, const struct way *way) {
  struct flow back = flow_back(flow, way);
  struct way_back *way_back = map_lookup(&returns, &back);
  if (way_back) way_back->used_at_ns = 0;
}

INLINE int is_error(const struct packet *packet, __u8 type) {
  return packet->is_ipv6 ? type >= 1 && type <= 4 : type == 3 || type == 11 || type == 12;
}

/* The packet that an ICMP error is about, with its ports. */
INLINE int parse_error(struct __sk_buff *skb, const struct packet *packet, struct packet *inner) {
  __u16 ports[2];
  __u8 type;
  __u32 at = packet->payload + 8;
  if (load_bytes(skb, packet->payload, &type, sizeof type) || !is_error(packet, type)) return 0;
  if (packet->is_ipv6 ? !parse_ipv6(skb, at, inner) : !parse_ipv4(skb, at, inner)) return 0;
  if ((inner->protocol != TCP && inner->protocol != UDP) || load_bytes(skb, inner->payload, ports, sizeof ports)) return 0;
  inner->source_port = ports[0];
  inner->target_port = ports[1];
  return 1;
}

/* Another port in the packet that the error is about. */
INLINE void rewrite_inner_port(struct __sk_buff *skb, const struct packet *packet, const struct packet *inner, int is_source, __u16 port) {
  replace_sum(skb, packet->payload + 2, is_source ? inner->source_port : inner->target_port, port, 2);
  store_bytes(skb, inner->payload + (is_source ? 0 : 2), &port, sizeof port, 0);
}

/*
 * Another source or target there. The checksum of an inner IPv4 header makes up for the address there, so ICMP's own changes by
 * the port alone.
 */
INLINE void rewrite_inner(struct __sk_buff *skb, const struct packet *packet, const struct packet *inner, int is_source, const struct address *address, __u16 port) {
  const struct address *old = is_source ? &inner->source : &inner->target;
  __u32 at = packet->payload + 8;
  rewrite_inner_port(skb, packet, inner, is_source, port);
  if (packet->is_ipv6) {
    replace_sum(skb, packet->payload + 2, 0, sum_difference(old, sizeof *old, address, sizeof *address, 0), 0);
    store_bytes(skb, at + (is_source ? field(ipv6hdr, saddr) : field(ipv6hdr, daddr)), address, sizeof *address, 0);
  } else {
    replace_header_sum(skb, at + field(iphdr, check), old->word[3], address->word[3], 4);
    store_bytes(skb, at + (is_source ? field(iphdr, saddr) : field(iphdr, daddr)), &address->word[3], 4, 0);
  }
}

/* An error about an answer ("too big", say) comes to the Service, which the answer came from: it is for the endpoint. */
INLINE void rewrite_error_in(struct __sk_buff *skb, const struct packet *packet) {
  struct packet inner = {};
  if (!parse_error(skb, packet, &inner)) return;
  struct flow flow = {
      .client = inner.target,
      .other = inner.source,
      .client_port = inner.target_port,
      .other_port = inner.source_port,
      .protocol = inner.protocol,
  };
  struct way *way = map_lookup(&ways, &flow);
  if (!way) return;
  struct address address = way->endpoint.address;
  __u16 client_port = way->client_port;
  rewrite_inner(skb, packet, &inner, 1, &address, way->endpoint.port);
  rewrite_inner_port(skb, packet, &inner, 0, client_port);
  if (packet->is_ipv6) {
    __s64 difference = sum_difference(&packet->target, sizeof packet->target, &address, sizeof address, 0);
    replace_sum(skb, packet->payload + 2, 0, difference, BPF_F_PSEUDO_HDR);
    store_bytes(skb, ETH_HLEN + field(ipv6hdr, daddr), &address, sizeof address, 0);
  } else {
    replace_header_sum(skb, ETH_HLEN + field(iphdr, check), packet->target.word[3], address.word[3], 4);
    store_bytes(skb, ETH_HLEN + field(iphdr, daddr), &address.word[3], 4, 0);
  }
}

/* An error about a packet to the endpoint names the endpoint: its client knows only the Service. */
INLINE void rewrite_error_out(struct __sk_buff *skb, const struct packet *packet) {
  struct packet inner = {};
  if (!parse_error(skb, packet, &inner)) return;
  struct flow back = {
      .client = inner.source,
      .other = inner.target,
      .client_port = inner.source_port,
      .other_port = inner.target_port,
      .protocol = inner.protocol,
  };
  struct way_back *way_back = map_lookup(&returns, &back);
  if (!way_back) return;
  struct address address = way_back->origin.address;
  __u16 client_port = way_back->client_port;
  rewrite_inner(skb, packet, &inner, 0, &address, way_back->origin.port);
  rewrite_inner_port(skb, packet, &inner, 1, client_port);
}

SECTION("tcx/ingress") int ingress(struct __sk_buff *skb) {
  struct packet packet = {};
  if (!parse(skb, &packet)) return NEXT;
  if (packet.is_icmp) {
    rewrite_error_in(skb, &packet);
    return NEXT;
  }
  struct flow flow = {
      .client = packet.source,
      .other = packet.target,
      .client_port = packet.source_port,
      .other_port = packet.target_port,
      .protocol = packet.protocol,
  };
  struct way way = {};
  __u64 now = now_ns();
  struct way *known = map_lookup(&ways, &flow);
  if (known && is_valid(&packet, &flow, known, now)) {
    known->used_at_ns = now;
    way = *known;
  } else if (!packet.is_start) {
    return NEXT;
  } else if (!begin(&packet, &flow, &way)) {
    /* The packet rules get all of it. */
    if (known) map_delete(&ways, &flow);
    return NEXT;
  }
  if (packet.is_end) end(&flow, &way);
  __u32 zero = 0;
  struct settings *settings = map_lookup(&settings_map, &zero);
  if (settings && packet.is_start && way.flags & SERVICE_MASQUERADE) skb->mark |= settings->mark;
  rewrite(skb, &packet, 0, &way.endpoint.address, way.endpoint.port);
  rewrite_port(skb, &packet, 1, way.client_port);
  return NEXT;
}

SECTION("tcx/egress") int egress(struct __sk_buff *skb) {
  struct packet packet = {};
  if (!parse(skb, &packet)) return NEXT;
  if (packet.is_icmp) {
    rewrite_error_out(skb, &packet);
    return NEXT;
  }
  struct flow back = {
      .client = packet.target,
      .other = packet.source,
      .client_port = packet.target_port,
      .other_port = packet.source_port,
      .protocol = packet.protocol,
  };
  struct way_back *way_back = map_lookup(&returns, &back);
  if (!way_back) return NEXT;
  if (way_back->used_at_ns > TAKING) way_back->used_at_ns = packet.is_end ? 0 : now_ns();
  struct address address = way_back->origin.address;
  __u16 client_port = way_back->client_port;
  rewrite(skb, &packet, 1, &address, way_back->origin.port);
  rewrite_port(skb, &packet, 0, client_port);
  return NEXT;
}

#endif
