/*
 * The maps: Services as the proxy writes them (src/proxy/backends/ebpf/layout.ts has the same layouts), and what the programs
 * remember. IPv4 addresses are IPv4-mapped IPv6 ones, ports are in network order, other numbers in the machine's.
 */
#ifndef FAIRLEAD_SERVICES_H
#define FAIRLEAD_SERVICES_H

#include "kernel.h"

struct address {
  __u32 word[4];
};

struct destination {
  struct address address; /* ::ffff:0.0.0.0 or :: for a node port: any address of the node */
  __u16 port;
  __u8 protocol;
  __u8 zero;
};

#define SERVICE_REFUSED 1u
#define SERVICE_MASQUERADE 2u

struct service {
  __u32 id;
  __u32 set;   /* of endpoints */
  __u32 count; /* of endpoints in the set: indices 0 to count - 1 */
  __u32 affinity_sec;
  __u32 flags;
};

struct slot {
  __u32 set;
  __u32 index;
};

/* Stands for one endpoint from its appearance in the Service until it goes; never used again. */
struct handle {
  __u32 set;
  __u32 handle;
};

struct endpoint {
  struct address address;
  __u16 port;
  __u16 zero;
  __u32 handle;
};

/* Who chose: a network namespace (affinity), or a datagram socket (its flow). */
struct chooser {
  __u64 cookie;
  __u32 service;
  __u32 zero;
};

struct choice {
  __u64 used_at_ns;
  __u32 handle;
  __u32 zero;
};

struct peer {
  __u64 socket;
  struct address address;
  __u16 port;
  __u16 zero[3];
};

struct origin {
  struct address address;
  __u16 port;
  __u16 zero;
};

struct settings {
  __u64 node;  /* network namespace cookie of the proxy, which is the node's */
  __u32 scope; /* enum scope */
  __u32 last_id;
  __u32 last_handle;
  __u32 version; /* of maps and programs */
  __u32 mark;    /* asks the packet rules for masquerade */
  __u32 zero;
};

/* A flow as the packets of a client outside have it: `other` is the Service or the endpoint. */
struct flow {
  struct address client;
  struct address other;
  __u16 client_port;
  __u16 other_port;
  __u8 protocol;
  __u8 zero[3];
};

struct way {
  __u64 used_at_ns;
  struct endpoint endpoint;
  __u32 set;
  __u32 flags;
  __u16 client_port; /* which the endpoint sees */
  __u16 zero[3];
};

struct way_back {
  struct origin origin;
  __u16 client_port; /* the client's own */
  __u16 zero;
  __u64 used_at_ns; /* 0 once an end has sent FIN or RST, or TAKING */
};
#define TAKING 1 /* another flow is about to have it */

struct visitor {
  struct address address;
  __u32 service;
};

struct block {
  struct address address;
  struct address mask;
};

enum scope {
  SCOPE_NODE = 0, /* the node's own namespace and those in `members`; all of the machine where the node's is its first */
  SCOPE_ALL = 1,  /* every process below the cgroup */
};

#define POD_BLOCKS 4
#define ON_DEMAND BPF_F_NO_PREALLOC

MAP(settings_map, BPF_MAP_TYPE_ARRAY, __u32, struct settings, 1, 0);
MAP(services, BPF_MAP_TYPE_HASH, struct destination, struct service, 131072, ON_DEMAND);
MAP(endpoints, BPF_MAP_TYPE_HASH, struct slot, struct endpoint, 524288, ON_DEMAND);
MAP(handles, BPF_MAP_TYPE_HASH, struct handle, struct endpoint, 262144, ON_DEMAND);
/* Addresses of the node that take node ports; the value is 1 for loopback, which is only the node's own processes'. */
MAP(addresses, BPF_MAP_TYPE_HASH, struct address, __u32, 4096, ON_DEMAND);
MAP(members, BPF_MAP_TYPE_HASH, __u64, __u32, 4096, ON_DEMAND);
MAP(clients, BPF_MAP_TYPE_LRU_HASH, struct chooser, struct choice, 32768, 0);
MAP(flows, BPF_MAP_TYPE_LRU_HASH, struct chooser, struct choice, 16384, 0);
/* Where a socket thinks that it is connected to; a peer that is its own origin has asked, and is no Service. */
MAP(origins, BPF_MAP_TYPE_LRU_HASH, struct peer, struct origin, 65536, 0);
/* Services as packets from outside find them. */
MAP(outside, BPF_MAP_TYPE_HASH, struct destination, struct service, 131072, ON_DEMAND);
/* Blocks that Pods' addresses come from: packets of Pods on other nodes are left to the packet rules. */
MAP(pod_blocks, BPF_MAP_TYPE_ARRAY, __u32, struct block, POD_BLOCKS, 0);
MAP(visitors, BPF_MAP_TYPE_LRU_HASH, struct visitor, struct choice, 32768, 0);
MAP(ways, BPF_MAP_TYPE_LRU_HASH, struct flow, struct way, 65536, 0);
MAP(returns, BPF_MAP_TYPE_LRU_HASH, struct flow, struct way_back, 65536, 0);

#endif
