import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeDocument, encodeDocument } from "./document.ts";
import { defaultConfig, effectiveConfig, type ProxyConfig, settingsOf } from "./effective.ts";
import { fields } from "./fields.ts";
import { flags, withFlags } from "./flags.ts";
import { validateConfig } from "./validate.ts";
import { unusedWarnings } from "./values.ts";

const head = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n";
const read = (text: string) => decodeDocument(head + text);
const effective = (text: string, mode = "nftables") => effectiveConfig(read(text).values, mode);
const node = { name: "n", zone: undefined, addresses: ["172.18.0.2", "fd00::2"], podCidrs: ["10.244.3.0/24"] };

/** What kubeadm writes, all of it. */
const kubeadm = `
bindAddress: 0.0.0.0
bindAddressHardFail: false
clientConnection: { acceptContentTypes: "", burst: 0, contentType: "", kubeconfig: /var/lib/kube-proxy/kubeconfig.conf, qps: 0 }
clusterCIDR: 10.244.0.0/16,fd00:10:244::/56
configSyncPeriod: 0s
conntrack: { maxPerCore: null, min: null, tcpBeLiberal: false, tcpCloseWaitTimeout: null, tcpEstablishedTimeout: null, udpStreamTimeout: 0s, udpTimeout: 0s }
detectLocal: { bridgeInterface: "", interfaceNamePrefix: "" }
detectLocalMode: ""
enableProfiling: false
healthzBindAddress: ""
hostnameOverride: ""
iptables: { localhostNodePorts: null, masqueradeAll: false, masqueradeBit: null, minSyncPeriod: 0s, syncPeriod: 0s }
ipvs: { excludeCIDRs: null, minSyncPeriod: 0s, scheduler: "", strictARP: false, syncPeriod: 0s, tcpFinTimeout: 0s, tcpTimeout: 0s, udpTimeout: 0s }
logging: { flushFrequency: 0, options: { json: { infoBufferSize: "0" }, text: { infoBufferSize: "0" } }, verbosity: 0 }
metricsBindAddress: ""
mode: ""
nftables: { masqueradeAll: false, masqueradeBit: null, minSyncPeriod: 0s, syncPeriod: 0s }
nodePortAddresses: null
oomScoreAdj: null
portRange: ""
showHiddenMetricsForVersion: ""
winkernel: { enableDSR: false, forwardHealthCheckVip: false, networkName: "", rootHnsEndpointName: "", sourceVip: "" }
`;

describe("a KubeProxyConfiguration", () => {
  it("P185 P186 P187 the defaults of each section are kube-proxy's, but for minSyncPeriod", () => {
    const { ipvs, conntrack, masqueradeBit, masqueradeAll, syncPeriodMs, minSyncPeriodMs } = effective("");
    assert.deepEqual([masqueradeBit, masqueradeAll, syncPeriodMs, minSyncPeriodMs], [14, false, 30_000, 0]);
    assert.deepEqual(ipvs, {
      scheduler: "rr",
      excludeCIDRs: [],
      strictARP: false,
      tcpTimeoutMs: 0,
      tcpFinTimeoutMs: 0,
      udpTimeoutMs: 0,
    });
    assert.deepEqual(conntrack, {
      maxPerCore: 32_768,
      min: 131_072,
      tcpEstablishedTimeoutMs: 86_400_000,
      tcpCloseWaitTimeoutMs: 3_600_000,
      tcpBeLiberal: false,
      udpTimeoutMs: 0,
      udpStreamTimeoutMs: 0,
    });
    const { syncPeriodMs: ofIpvs, minSyncPeriodMs: leastOfIpvs } = effective("", "ipvs");
    assert.deepEqual([ofIpvs, leastOfIpvs], [30_000, 0]);
  });
  it("P182 P183 as kubeadm writes it is taken whole, without a warning", () => {
    const { values, warnings } = read(kubeadm);
    assert.deepEqual(warnings, []);
    assert.deepEqual(unusedWarnings(values), []);
    const config = effectiveConfig(values, "nftables");
    assert.deepEqual(config, { ...defaultConfig, clusterCIDR: ["10.244.0.0/16", "fd00:10:244::/56"] });
    assert.equal(validateConfig(config), undefined);
  });
  it("P182 an unknown field, and one that is given twice, are warnings", () => {
    assert.deepEqual(read("ipvs: { sheduler: lc }").warnings, ['unknown field "ipvs.sheduler" is ignored']);
    const { values, warnings } = read("oomScoreAdj: 1\noomScoreAdj: 2");
    assert.equal(values.get("oomScoreAdj"), 2);
    assert.match(warnings.join(), /^a field is given twice, the last one counts \(Map keys must be unique at line 4/);
  });
  const refused: [name: string, text: string, error: RegExp][] = [
    [
      "another kind",
      "apiVersion: v1\nkind: ConfigMap",
      /must be a KubeProxyConfiguration of .*v1alpha1, and is "v1, ConfigMap"/,
    ],
    ["a list", "- a", /holds no mapping/],
    ["no YAML", "a: [", /is no YAML \(/],
    [
      "a number that is none",
      `${head}iptables: { masqueradeBit: many }`,
      /Cannot use iptables.masqueradeBit "many": it must be a whole number/,
    ],
    [
      "a duration that is none",
      `${head}nftables: { syncPeriod: 30 }`,
      /nftables.syncPeriod "30": it must be a duration such as 30s/,
    ],
    ["a boolean that is none", `${head}bindAddressHardFail: maybe`, /it must be true or false/],
    ["a list of numbers", `${head}nodePortAddresses: [1]`, /nodePortAddresses "\[1\]": it must be a list of texts/],
  ];
  for (const [name, text, error] of refused)
    it(`P182 refuses ${name} in one sentence`, () => assert.throws(() => decodeDocument(text), error));
  it("P184 to P188 takes masqueradeAll and periods from the section of the mode that runs", () => {
    const text = `
iptables: { masqueradeAll: true, syncPeriod: 10s, minSyncPeriod: 2s, masqueradeBit: 3 }
ipvs: { syncPeriod: 20s, minSyncPeriod: 1s }
nftables: { masqueradeBit: 5, syncPeriod: 40s }`;
    const pick = (mode: string) => {
      const { masqueradeAll, masqueradeBit, syncPeriodMs, minSyncPeriodMs } = effective(text, mode);
      return [masqueradeAll, masqueradeBit, syncPeriodMs, minSyncPeriodMs];
    };
    assert.deepEqual(pick("iptables"), [true, 3, 10_000, 2_000]);
    assert.deepEqual(pick("ipvs"), [false, 3, 20_000, 1_000]);
    for (const mode of ["nftables", "ebpf", "userspace"]) assert.deepEqual(pick(mode), [false, 5, 40_000, 0]);
  });
  it("P183 to P187 every field reaches the proxy, or says that it does nothing", () => {
    const others: Readonly<Record<string, string>> = {
      text: "x1",
      list: "10.1.0.0/16",
      boolean: "",
      integer: "7",
      number: "7",
      duration: "7s",
      address: "127.0.0.1:7777",
      gates: "AllowServiceExternalIPs=false",
    };
    // Read by the program around the proxy.
    const elsewhere = /^(mode|hostnameOverride|clientConnection\.kubeconfig|logging\..*)$/;
    for (const field of fields) {
      if (field.unused || elsewhere.test(field.path)) continue;
      const text = field.kind === "boolean" ? String(field.default !== true) : (others[field.kind] ?? "");
      const value = field.kind === "boolean" ? text === "true" : text;
      const nested = field.path
        .split(".")
        .reduceRight<unknown>(
          (inner, part) => ({ [part]: inner }),
          field.kind === "gates" ? { AllowServiceExternalIPs: false } : value,
        );
      const { values } = decodeDocument(
        JSON.stringify({
          apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
          kind: "KubeProxyConfiguration",
          ...(nested as object),
        }),
      );
      const changed = ["nftables", "iptables", "ipvs"].some(
        (mode) => JSON.stringify(effectiveConfig(values, mode)) !== JSON.stringify(effectiveConfig(new Map(), mode)),
      );
      assert.ok(changed, `${field.path} = ${text} changes nothing`);
    }
  });
  it("P183 a field that does nothing says so in one sentence", () => {
    const { values } = read("clientConnection: { qps: 50 }\nconfigSyncPeriod: 5m\nportRange: 1-2");
    assert.deepEqual(unusedWarnings(values), [
      "clientConnection.qps has no effect: requests to the API server are not limited, for there are few",
      "configSyncPeriod has no effect: a watch misses nothing, so lists are not read again by the clock",
      "portRange has no effect: no ports are taken",
    ]);
  });
  it("P194 what --write-config-to writes is read back as the same", () => {
    const { values } = read("mode: ipvs\nipvs: { scheduler: lc, tcpTimeout: 1m30s }\nclusterCIDR: 10.0.0.0/8");
    const text = encodeDocument(values);
    assert.match(text, /tcpEstablishedTimeout: 24h0m0s/);
    assert.match(text, /clusterCIDR: 10\.0\.0\.0\/8/);
    const again = decodeDocument(text);
    assert.deepEqual(again.warnings, []);
    assert.deepEqual(effectiveConfig(again.values, "ipvs"), effectiveConfig(values, "ipvs"));
    assert.deepEqual(unusedWarnings(again.values), []);
  });
  it("P191 an address without a port gets the default one, and an IPv6 bindAddress moves the listeners", () => {
    const listeners = (text: string) => {
      const { healthzBindAddress, metricsBindAddress } = effective(text);
      return [healthzBindAddress, metricsBindAddress];
    };
    assert.deepEqual(listeners(""), ["0.0.0.0:10256", "127.0.0.1:10249"]);
    assert.deepEqual(listeners("bindAddress: '::'"), ["[::]:10256", "[::1]:10249"]);
    assert.deepEqual(listeners("healthzBindAddress: 127.0.0.1\nmetricsBindAddress: '::'"), [
      "127.0.0.1:10256",
      "[::]:10249",
    ]);
  });
});

describe("flags", () => {
  it("P188 win over the file, and go to the section of the mode", () => {
    const { values } = read("mode: iptables\niptables: { masqueradeAll: false, masqueradeBit: 2 }");
    const given = { "masquerade-all": "true", "masquerade-bit": "4", "node-name": "N1", "healthz-bind-address": "" };
    const config = effectiveConfig(withFlags(values, given), "iptables");
    assert.deepEqual([config.masqueradeAll, config.masqueradeBit, config.healthzBindAddress], [true, 4, ""]);
    assert.equal(withFlags(values, given).get("hostnameOverride"), "N1");
  });
  it("a value that is none is named with its flag", () => {
    assert.throws(
      () => withFlags(new Map(), { "conntrack-min": "few" }),
      /Cannot use --conntrack-min "few": it must be a whole number/,
    );
  });
  it("kube-proxy's names are all there", () => {
    const kubeProxys =
      "bind-address bind-address-hard-fail cluster-cidr config-sync-period conntrack-max-per-core conntrack-min conntrack-tcp-be-liberal conntrack-tcp-timeout-close-wait conntrack-tcp-timeout-established conntrack-udp-timeout conntrack-udp-timeout-stream detect-local-mode feature-gates healthz-bind-address hostname-override iptables-localhost-nodeports iptables-masquerade-bit iptables-min-sync-period iptables-sync-period ipvs-exclude-cidrs ipvs-min-sync-period ipvs-scheduler ipvs-strict-arp ipvs-sync-period ipvs-tcp-timeout ipvs-tcpfin-timeout ipvs-udp-timeout kube-api-burst kube-api-content-type kube-api-qps masquerade-all metrics-bind-address nodeport-addresses oom-score-adj pod-bridge-interface pod-interface-name-prefix profiling proxy-mode show-hidden-metrics-for-version";
    const ours = new Set(flags.map(({ name }) => name));
    assert.deepEqual(
      kubeProxys.split(" ").filter((name) => !ours.has(name)),
      [],
    );
  });
});

describe("validateConfig()", () => {
  const cases: [Partial<ProxyConfig>, RegExp | undefined][] = [
    [{}, undefined],
    [{ masqueradeBit: 32 }, /masqueradeBit "32": it must be 0 to 31/],
    [{ oomScoreAdj: -1001 }, /oomScoreAdj "-1001": it must be -1000 to 1000/],
    [{ syncPeriodMs: 0 }, /syncPeriod: it must be more than 0/],
    [{ minSyncPeriodMs: 40_000 }, /minSyncPeriod: it must be at least 0 and at most syncPeriod/],
    [{ bindAddress: "here" }, /bindAddress "here": it must be an IP address/],
    [{ healthzBindAddress: "0.0.0.0:0" }, /healthzBindAddress .* port from 1 to 65535/],
    [{ metricsBindAddress: "localhost:80" }, /metricsBindAddress "localhost:80"/],
    [{ healthzBindAddress: "" }, undefined],
    [{ clusterCIDR: ["10.0.0.0"] }, /clusterCIDR "10.0.0.0": it must be a CIDR/],
    [{ clusterCIDR: ["10.0.0.0/8", "11.0.0.0/8"] }, /one block, or one of IPv4 and one of IPv6/],
    [{ clusterCIDR: ["10.0.0.0/8", "fd00::/8"] }, undefined],
    [{ nodePortAddresses: ["primary", "10.0.0.0/8"] }, /must stand alone/],
    [{ nodePortAddresses: ["all"] }, /nodePortAddresses "all": it must be a CIDR or "primary"/],
    [{ detectLocalMode: "Magic" as "NodeCIDR" }, /detectLocalMode "Magic": it must be one of ClusterCIDR, NodeCIDR/],
    [{ detectLocalMode: "BridgeInterface" }, /detectLocal.bridgeInterface must name the link/],
    [{ detectLocalMode: "InterfaceNamePrefix" }, /detectLocal.interfaceNamePrefix must be given/],
    [{ conntrack: { ...defaultConfig.conntrack, min: -1 } }, /conntrack.min "-1": it must be at least 0/],
    [{ conntrack: { ...defaultConfig.conntrack, udpTimeoutMs: -1000 } }, /conntrack.udpTimeout "-1000"/],
    [{ ipvs: { ...defaultConfig.ipvs, scheduler: "best" } }, /IPVS scheduler "best"/],
    [{ ipvs: { ...defaultConfig.ipvs, excludeCIDRs: ["x"] } }, /excludeCIDRs "x": it must be a CIDR/],
    [{ ipvs: { ...defaultConfig.ipvs, tcpTimeoutMs: -1 } }, /ipvs.tcpTimeout "-1"/],
  ];
  for (const [change, want] of cases) {
    it(`P124 P192 ${JSON.stringify(change)}`, () => {
      const fault = validateConfig({ ...defaultConfig, ...change });
      if (want) assert.match(fault ?? "nothing is wrong", want);
      else assert.equal(fault, undefined);
    });
  }
});

describe("settingsOf()", () => {
  const of = (change: Partial<ProxyConfig>, cidrs: string[] = []) =>
    settingsOf({ ...defaultConfig, ...change }, node, cidrs);
  it("P121 to P123 knows Pods by the mode", () => {
    assert.equal(of({ clusterCIDR: ["10.244.0.0/16"] }).podCidrs[0]?.prefix, 16);
    assert.equal(of({ detectLocalMode: "NodeCIDR" }).podCidrs[0]?.prefix, 24);
    const bridge = { detectLocalMode: "BridgeInterface", bridgeInterface: "cni0" } as const;
    assert.deepEqual(of(bridge).podLink, { name: "cni0", isPrefix: false });
    const prefix = { detectLocalMode: "InterfaceNamePrefix", interfaceNamePrefix: "cali" } as const;
    assert.deepEqual(of(prefix).podLink, { name: "cali", isPrefix: true });
  });
  it("P132 P196 primary is the first address of each family that the Node has now", () => {
    assert.deepEqual(
      of({ nodePortAddresses: ["primary"] }).nodePortCidrs.map(({ ip, prefix }) => [ip.family, prefix]),
      [
        ["IPv4", 32],
        ["IPv6", 128],
      ],
    );
  });
  it("P133 node ports are on all addresses where none are named, in every mode", () => {
    for (const mode of ["nftables", "iptables", "ipvs"])
      assert.deepEqual(settingsOf(effectiveConfig(new Map(), mode), node).nodePortCidrs, []);
  });
  it("P37 a block that several objects have counts once", () => {
    assert.equal(of({ serviceCIDR: ["10.96.0.0/16"] }, ["10.96.0.0/16", "10.97.0.0/16"]).serviceCidrs.length, 2);
  });
});
