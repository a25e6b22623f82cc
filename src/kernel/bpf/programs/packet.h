/*
 * Packets from outside, on the node's own devices: the first one of a connection to a Service gets an endpoint, which the
 * following ones keep, and packets back get the Service's address again. The kernel forwards what was rewritten, and its packet
 * rules masquerade it where the mark asks for it.
 *
 *   ingress ── in `ways`, or to a Service in `outside`? ──▶ destination := endpoint
 *   egress ─── in `returns`? ──▶ source := Service
 *
 * Left to the packet rules, unchanged: fragments, IP options and extension headers, connections that began before, sources among
 * Pods, UDP node ports, Services that reject, drop, or ask for source ranges.
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
#define TCP_IDLE_SEC 300
#define TCP_START_MASK 0x17 /* FIN, SYN, RST, ACK */

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

INLINE void rewrite(struct __sk_buff *skb, const struct packet *packet, int is_source, const struct address *address, __u16 port) {
  const struct address *old = is_source ? &packet->source : &packet->target;
  __u16 old_port = is_source ? packet->source_port : packet->target_port;
  __u32 port_at = packet->payload + (is_source ? 0 : 2);
  __u32 sum_at = packet->payload + (packet->protocol == TCP ? 16 : 6);
  /* UDP may go without a checksum: zero stays zero. */
  __u64 flags = packet->protocol == UDP ? BPF_F_MARK_MANGLED_0 : 0;
  if (packet->is_ipv6) {
    __s64 difference = sum_difference(old, sizeof *old, address, sizeof *address, 0);
    replace_sum(skb, sum_at, 0, difference, flags | BPF_F_PSEUDO_HDR);
    store_bytes(skb, ETH_HLEN + (is_source ? field(ipv6hdr, saddr) : field(ipv6hdr, daddr)), address, sizeof *address, 0);
  } else {
    replace_sum(skb, sum_at, old->word[3], address->word[3], flags | BPF_F_PSEUDO_HDR | 4);
    replace_header_sum(skb, ETH_HLEN + field(iphdr, check), old->word[3], address->word[3], 4);
    store_bytes(skb, ETH_HLEN + (is_source ? field(iphdr, saddr) : field(iphdr, daddr)), &address->word[3], 4, 0);
  }
  replace_sum(skb, sum_at, old_port, port, flags | 2);
  store_bytes(skb, port_at, &port, sizeof port, 0);
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
  if (service || packet->protocol == UDP) return service;
  __u32 *loopback = map_lookup(&addresses, &packet->target);
  if (!loopback || *loopback) return 0;
  to.address = (struct address){.word = {0, 0, packet->is_ipv6 ? 0 : MAPPED, 0}};
  return map_lookup(&outside, &to);
}

INLINE int is_valid(const struct packet *packet, const struct way *way, __u64 now) {
  __u64 age = now - way->used_at_ns;
  if (packet->protocol == TCP) return !packet->is_start || age < RETRANSMIT_SEC * NS_PER_SECOND;
  struct handle key = {.set = way->set, .handle = way->endpoint.handle};
  return age < UDP_FLOW_SEC * NS_PER_SECOND && map_lookup(&handles, &key);
}

INLINE struct endpoint *choose_outside(struct packet *packet, const struct service *service) {
  struct visitor visitor = {.address = packet->source, .service = service->id};
  return service->affinity_sec ? choose_again(&visitors, &visitor, service, service->affinity_sec) : pick(service);
}

/* Another Service's live flow between the same two would make the way back ambiguous. */
INLINE int is_taken(const struct flow *back, const struct packet *packet) {
  struct way_back *way = map_lookup(&returns, back);
  __u64 idle_sec = packet->protocol == TCP ? TCP_IDLE_SEC : UDP_FLOW_SEC;
  if (!way || way->is_closed || now_ns() - way->used_at_ns >= idle_sec * NS_PER_SECOND) return 0;
  struct origin *origin = &way->origin;
  __u32 other = origin->port ^ packet->target_port;
  for (int n = 0; n < 4; n++) other |= origin->address.word[n] ^ packet->target.word[n];
  return other != 0;
}

INLINE int begin(struct packet *packet, struct flow *flow, struct way *way) {
  if (is_pod(&packet->source)) return 0;
  struct service *service = find_outside(packet);
  if (!service) return 0;
  struct endpoint *endpoint = choose_outside(packet, service);
  if (!endpoint) return 0;
  way->endpoint = *endpoint;
  way->set = service->set;
  way->flags = service->flags;
  way->used_at_ns = now_ns();
  struct flow back = *flow;
  back.other = endpoint->address;
  back.other_port = endpoint->port;
  if (is_taken(&back, packet)) return 0;
  struct way_back way_back = {
      .origin = {.address = packet->target, .port = packet->target_port},
      .used_at_ns = way->used_at_ns,
  };
  map_update(&returns, &back, &way_back, BPF_ANY);
  map_update(&ways, flow, way, BPF_ANY);
  return 1;
}

INLINE void end(const struct flow *flow, const struct way *way) {
  struct flow back = *flow;
  back.other = way->endpoint.address;
  back.other_port = way->endpoint.port;
  struct way_back *way_back = map_lookup(&returns, &back);
  if (way_back) way_back->is_closed = 1;
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

/*
 * Another source or target in the packet that the error is about. The checksum of an inner IPv4 header makes up for the address
 * there, so ICMP's own changes by the port alone.
 */
INLINE void rewrite_inner(struct __sk_buff *skb, const struct packet *packet, const struct packet *inner, int is_source, const struct address *address, __u16 port) {
  const struct address *old = is_source ? &inner->source : &inner->target;
  __u32 at = packet->payload + 8, sum_at = packet->payload + 2;
  replace_sum(skb, sum_at, is_source ? inner->source_port : inner->target_port, port, 2);
  store_bytes(skb, inner->payload + (is_source ? 0 : 2), &port, sizeof port, 0);
  if (packet->is_ipv6) {
    replace_sum(skb, sum_at, 0, sum_difference(old, sizeof *old, address, sizeof *address, 0), 0);
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
  rewrite_inner(skb, packet, &inner, 1, &address, way->endpoint.port);
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
  rewrite_inner(skb, packet, &inner, 0, &address, way_back->origin.port);
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
  if (known && is_valid(&packet, known, now)) {
    known->used_at_ns = now;
    way = *known;
  } else if (!packet.is_start || !begin(&packet, &flow, &way)) {
    return NEXT;
  }
  if (packet.is_end) end(&flow, &way);
  __u32 zero = 0;
  struct settings *settings = map_lookup(&settings_map, &zero);
  if (settings && packet.is_start && way.flags & SERVICE_MASQUERADE) skb->mark |= settings->mark;
  rewrite(skb, &packet, 0, &way.endpoint.address, way.endpoint.port);
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
  way_back->used_at_ns = now_ns();
  if (packet.is_end) way_back->is_closed = 1;
  struct address address = way_back->origin.address;
  rewrite(skb, &packet, 1, &address, way_back->origin.port);
  return NEXT;
}

#endif
