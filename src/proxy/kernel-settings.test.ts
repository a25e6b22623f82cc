import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { defaultConfig } from "./config/effective.ts";
import { conntrackSettings } from "./kernel-settings.ts";

const name = (end: string) => `net.netfilter.nf_conntrack_${end}`;
const settings = (change: object, more: { cpus?: number; mayLimit?: boolean } = {}) =>
  Object.fromEntries(
    conntrackSettings({ ...defaultConfig.conntrack, ...change }, { cpus: 8, mayLimit: true, ...more }),
  );

describe("conntrackSettings()", () => {
  it("P162 the defaults are kube-proxy's", () => {
    assert.deepEqual(settings({}), {
      [name("max")]: 262_144,
      [name("tcp_timeout_established")]: 86_400,
      [name("tcp_timeout_close_wait")]: 3_600,
    });
  });
  it("P162 few CPUs give the least, many the most", () => {
    assert.equal(settings({}, { cpus: 2 })[name("max")], 131_072);
    assert.equal(settings({}, { cpus: 64 })[name("max")], 1_048_576);
  });
  it("P163 maxPerCore 0 leaves the limit alone, and so does a node that may not set it", () => {
    assert.equal(settings({ maxPerCore: 0 })[name("max")], undefined);
    assert.equal(settings({}, { mayLimit: false })[name("max")], undefined);
  });
  it("P162 sets UDP's times and the liberal window only when asked to", () => {
    const all = settings({
      udpTimeoutMs: 1_500,
      udpStreamTimeoutMs: 60_000,
      tcpBeLiberal: true,
      tcpEstablishedTimeoutMs: 0,
    });
    assert.equal(all[name("udp_timeout")], 2);
    assert.equal(all[name("udp_timeout_stream")], 60);
    assert.equal(all[name("tcp_be_liberal")], 1);
    assert.equal(all[name("tcp_timeout_established")], undefined);
  });
});
