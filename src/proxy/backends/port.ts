/** What every data plane is to the loop. A new data plane is a new folder beside this file, and nothing else. */
import type { Cidr } from "../../net/cidr.ts";
import type { IpFamily } from "../../net/ip.ts";
import type { ServicePort } from "../state.ts";

/** What holds for all Services on the node; changes seldom. */
export interface Settings {
  /** Blocks that Pods' addresses come from: sources whose address is kept. Empty: nothing tells a Pod, and no clusterIP traffic is masqueraded. */
  readonly podCidrs: readonly Cidr[];
  /** Instead of them: packets that come in by this link, or by those whose names begin so, are Pods'. */
  readonly podLink?: { readonly name: string; readonly isPrefix: boolean };
  /** Every clusterIP packet gets the node's address, Pods' too. */
  readonly masqueradeAll: boolean;
  /** Bit of the packet mark that asks for masquerade, 0 to 31. */
  readonly masqueradeBit: number;
  /** Addresses inside that are no Service's are dropped. */
  readonly serviceCidrs: readonly Cidr[];
  /** Of the node's own addresses those inside take node ports; empty for a family: all but loopback. */
  readonly nodePortCidrs: readonly Cidr[];
  /** 127.0.0.1 takes node ports from processes of the node. */
  readonly localhostNodePorts: boolean;
  /** Packets of Pods that connection tracking calls INVALID are not forwarded: they would leave with the Pod's address. */
  readonly dropsInvalid: boolean;
}

export interface Changes {
  /** The whole new state of each changed Service, e.g. `"default/web" → [port]`; an empty list: it is gone. */
  readonly services: ReadonlyMap<string, readonly ServicePort[]>;
  /** Services that are not named are gone: the first sync, and each full one. */
  readonly full: boolean;
  /** Present when they changed, and in the first sync. */
  readonly settings?: Settings;
  /** The state of all Services, for a plane that keeps none and must render them for other settings. Costs as much as they are; `full` needs none. */
  readonly everything?: () => ReadonlyMap<string, readonly ServicePort[]>;
}

/** What holds now. Example: `{ ok: true, families: [{ family: "IPv4", added: 12, removed: 3, durationMs: 0.4 }] }`. */
export interface Report {
  readonly families: readonly FamilyReport[];
}

export interface FamilyReport {
  readonly family: IpFamily;
  /** Elements written and taken away. */
  readonly added: number;
  readonly removed: number;
  /** Part of the duration that the kernel worked. */
  readonly kernelMs: number;
  readonly durationMs: number;
  /** Absent: everything asked for holds. Present: what could not be written; it is tried again with the next sync. */
  readonly error?: Error;
  /** Services that the kernel refuses, while all others hold. */
  readonly refused: readonly string[];
}

export interface PlaneCounters {
  /** Unused chains that could not be taken away (nftables). */
  readonly cleanupFailures?: Readonly<Record<string, number>>;
  /** Packets of Pods that were dropped as INVALID (iptables). */
  readonly invalidDropped?: number;
  /** First packets to node ports at 127.0.0.0/8 (iptables). */
  readonly localhostNodePorts?: number;
  /** Rules of each table, and how many of them the last sync wrote (iptables). */
  readonly tables?: readonly { family: IpFamily; table: string; total: number; written: number }[];
}

export interface DataPlane {
  /** As `--proxy-mode` spells it, e.g. "nftables". */
  readonly mode: string;
  readonly families: readonly IpFamily[];
  /** What an operator may see of it on the metrics server, by path: JSON. e.g. `{ "/services": () => "[]" }` */
  readonly pages?: Readonly<Record<string, () => string>>;
  /** What it counted since its start, for the metrics. */
  readonly counters?: () => Promise<PlaneCounters> | PlaneCounters;
  /** Sets kernel settings that need root of the machine; the first sync does it too. */
  readonly prepare?: (settings: Pick<Settings, "localhostNodePorts">) => void;
  /** Reads what a former process left, without changing it; call it once before the first sync. Returns what it found, for the log. */
  adopt(): Promise<Readonly<Record<string, string | number>>>;
  /**
   * What is known while more is still to come, of a node on which `adopt` found nothing: the data plane may begin with its work.
   * No packet is touched before the first sync, which then is not full.
   */
  load?(changes: Pick<Changes, "services"> & Required<Pick<Changes, "settings">>): void;
  /** Makes the changes hold, in one transaction for each family. Never throws for a refusal of the kernel: the report says it. */
  sync(changes: Changes): Promise<Report>;
  /** Cheap: has anyone else changed our rules? Then puts them right and reports it; undefined when nothing was wrong. */
  verify(): Promise<Report | undefined>;
  /** Takes away all rules: only for `--cleanup`. Works after `close` too. */
  remove(): Promise<void>;
  /** Ends without touching the rules: traffic goes on. A second time is nothing. */
  close(): void;
}
