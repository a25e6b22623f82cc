/** The commands that people look at Services with, word for word, with every kubectl of the machine: the older ones speak SPDY only. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { findKubectls } from "../kubectl/run-kubectl.ts";
import { skipReason, startCluster, type TestCluster } from "./harness.ts";

const limitMs = 60_000;
const address = String.raw`10\.96\.\d+\.\d+`;

/** Each with what it must print. */
const commands: readonly (readonly [command: string, ...prints: readonly RegExp[]])[] = [
  ["kubectl get svc", new RegExp(`^backend +ClusterIP +${address} +<none> +8080/TCP`, "m")],
  ["kubectl describe svc backend", /^Type: +ClusterIP$/m, /^Endpoints: +10\.244\.\d+\.\d+:8080,/m],
  ["kubectl get endpoints", /^backend +10\.244\.\d+\.\d+:8080,/m],
  ["kubectl get endpointslices", /^backend-\w+ +IPv4 +8080 +10\.244\./m],
  ["kubectl describe endpoints backend", /^ +Addresses: +10\.244\.\d+\.\d+,10\.244\./m],
  [
    "kubectl run -it --rm dns-test --image=busybox --restart=Never -- nslookup backend",
    new RegExp(String.raw`^Name:\s+backend\.default\.svc\.cluster\.local\r?\nAddress: ${address}`, "m"),
    /pod "dns-test" deleted/,
  ],
  ["kubectl -n kube-system get pods -l k8s-app=kube-proxy", /^kube-proxy-\w+ +1\/1 +Running/m],
  ["kubectl -n kube-system describe daemonset kube-proxy", /^Desired Number of Nodes Scheduled: 1$/m],
];

describe("the documented commands with every kubectl", { skip: skipReason }, () => {
  let cluster: TestCluster;
  before(() => {
    cluster = startCluster({ args: ["--demo"] });
  });
  after(() => cluster?.stop());

  for (const { path, version } of findKubectls()) {
    test(`kubectl ${version}`, () => {
      for (const [command, ...prints] of commands) {
        const words = command.replace(/^kubectl/, path);
        // At a terminal, as -t asks for.
        const { status, stdout, stderr } = spawnSync("script", ["-qec", words, "/dev/null"], {
          cwd: cluster.dir,
          env: { ...process.env, ...cluster.env },
          encoding: "utf8",
          timeout: limitMs,
        });
        const text = stdout.replaceAll("\r\n", "\n");
        // busybox's nslookup ends with 1 when a name of the search path is none, here as on any cluster.
        if (!command.includes("nslookup")) assert.equal(status, 0, `${command}: ${text}${stderr}`);
        for (const wanted of prints) assert.match(text, wanted, command);
      }
    });
  }
});
