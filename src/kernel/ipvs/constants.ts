/** Names and numbers of include/uapi/linux/ip_vs.h and include/uapi/linux/genetlink.h. */

export const NETLINK_GENERIC = 16;
/** The controller of generic netlink tells the number of a family by its name. */
export const controller = { type: 16, getFamily: 3, familyId: 1, familyName: 2, version: 2 } as const;

export const family = { name: "IPVS", version: 1 } as const;
/** enum IPVS_CMD_* */
export const commands = {
  newService: 1,
  setService: 2,
  deleteService: 3,
  getService: 4,
  newServer: 5,
  setServer: 6,
  deleteServer: 7,
  getServer: 8,
  setConfig: 12,
} as const;
/** enum IPVS_CMD_ATTR_* */
export const attributes = { service: 1, server: 2, timeoutTcp: 4, timeoutTcpFin: 5, timeoutUdp: 6 } as const;
/** enum IPVS_SVC_ATTR_* */
export const serviceAttributes = {
  family: 1,
  protocol: 2,
  address: 3,
  port: 4,
  mark: 5,
  scheduler: 6,
  flags: 7,
  timeout: 8,
  netmask: 9,
} as const;
/** enum IPVS_DEST_ATTR_* */
export const serverAttributes = {
  address: 1,
  port: 2,
  forwardMethod: 3,
  weight: 4,
  upperThreshold: 5,
  lowerThreshold: 6,
  active: 7,
  inactive: 8,
  persistent: 9,
  family: 11,
} as const;

/** IP_VS_CONN_F_MASQ: the destination is rewritten. */
export const masquerading = 0;
/** IP_VS_SVC_F_PERSISTENT; IP_VS_SVC_F_HASHED (0x2) is the kernel's own. */
export const persistentFlag = 0x1;
/** Bits that schedulers define for themselves: IP_VS_SVC_F_SCHED1 to SCHED3. */
export const schedulerFlagMask = 0x38;
export const protocols = { TCP: 6, UDP: 17, SCTP: 132 } as const;
