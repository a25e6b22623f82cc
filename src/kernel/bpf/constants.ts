/** Numbers of include/uapi/linux/bpf.h. */

export const command = {
  MAP_CREATE: 0,
  MAP_LOOKUP_ELEM: 1,
  MAP_UPDATE_ELEM: 2,
  MAP_DELETE_ELEM: 3,
  PROG_LOAD: 5,
  OBJ_PIN: 6,
  OBJ_GET: 7,
  OBJ_GET_INFO_BY_FD: 15,
  PROG_QUERY: 16,
  MAP_LOOKUP_BATCH: 24,
  MAP_UPDATE_BATCH: 26,
  MAP_DELETE_BATCH: 27,
  LINK_CREATE: 28,
  LINK_UPDATE: 29,
} as const;

export const mapType = { HASH: 1, ARRAY: 2, LRU_HASH: 9 } as const;

/** The program's type and where it is attached, by the section that its source puts it in. */
export const sections = {
  "cgroup/connect4": { type: 18, attach: 10 },
  "cgroup/connect6": { type: 18, attach: 11 },
  "cgroup/sendmsg4": { type: 18, attach: 14 },
  "cgroup/sendmsg6": { type: 18, attach: 15 },
  "cgroup/recvmsg4": { type: 18, attach: 19 },
  "cgroup/recvmsg6": { type: 18, attach: 20 },
  "cgroup/getpeername4": { type: 18, attach: 29 },
  "cgroup/getpeername6": { type: 18, attach: 30 },
  "tcx/ingress": { type: 3, attach: 46 },
  "tcx/egress": { type: 3, attach: 47 },
} as const;

export type Section = keyof typeof sections;

/** statfs(2): type of a bpffs. */
export const BPF_FS_MAGIC = 0xcafe4a11;
