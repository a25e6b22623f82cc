/** What needs controllers and Nodes: rollout, scale, drain, debug; and what cannot be. */
import assert from "node:assert/strict";
import type { Command, Session } from "./command.ts";

const images = ({ ok }: Session): Promise<string> =>
  ok("get pods -n ns -l app=app -o jsonpath={.items[*].spec.containers[0].image}");
const rolledOut = (session: Session): Promise<string> => session.ok("rollout status deploy/app -n ns --timeout=25s");

const refused = (args: string, wanted: RegExp): Command => ({
  name: `${args
    .split(" ")
    .slice(0, args.startsWith("top") ? 2 : 1)
    .join(" ")} (refused)`,
  run: async ({ fails }) => assert.match(await fails(args), wanted),
});

export const running: readonly Command[] = [
  {
    name: "rollout status",
    async run(session) {
      await session.ok("create deployment app --image=v1 --replicas=2 -n ns");
      assert.match(await rolledOut(session), /successfully rolled out/);
    },
  },
  {
    name: "rollout history",
    async run(session) {
      await session.ok("set image deploy/app v1=v2 -n ns");
      await rolledOut(session);
      assert.match(await session.ok("rollout history deploy/app -n ns"), /^1 .*\n2 /m);
      assert.match(await session.ok("rollout history deploy/app -n ns --revision=1"), /Image:\s+v1/);
    },
  },
  {
    name: "rollout undo",
    async run(session) {
      await session.ok("rollout undo deploy/app -n ns");
      await rolledOut(session);
      assert.match(await images(session), /v1/);
    },
  },
  {
    name: "rollout pause, resume",
    async run(session) {
      await session.ok("rollout pause deploy/app -n ns");
      await session.ok("set image deploy/app v1=v3 -n ns");
      assert.ok(!(await images(session)).includes("v3"));
      await session.ok("rollout resume deploy/app -n ns");
      await rolledOut(session);
      assert.match(await images(session), /v3/);
    },
  },
  {
    name: "rollout restart",
    async run(session) {
      await session.ok("rollout restart deploy/app -n ns");
      assert.match(await rolledOut(session), /successfully rolled out/);
    },
  },
  {
    name: "scale",
    async run(session) {
      assert.match(await session.ok("scale deploy/app --replicas=3 -n ns"), /scaled/);
      await rolledOut(session);
      assert.match(
        await session.fails("scale deploy/app --current-replicas=9 --replicas=1 -n ns"),
        /Expected replicas to be 9, was 3/,
      );
    },
  },
  {
    name: "wait (Deployment, Pods)",
    async run({ ok }) {
      assert.match(await ok("wait --for=condition=Available deploy/app -n ns --timeout=25s"), /condition met/);
      assert.match(await ok("wait --for=condition=Ready pods -l app=app -n ns --timeout=25s"), /condition met/);
    },
  },
  {
    name: "get nodes, pods -o wide",
    async run({ ok }) {
      assert.match(await ok("get nodes -o wide"), /^n1 +Ready +<none> /m);
      assert.match(await ok("get pods -n ns -o wide"), /^app-\S+ +\d\/1 +Running +0 +\S+ +\S+ +n\d +<none> +<none>$/m);
    },
  },
  {
    name: "cordon, uncordon, taint",
    async run({ ok }) {
      await ok("cordon n1");
      assert.match(await ok("get node n1"), /Ready,SchedulingDisabled/);
      await ok("uncordon n1");
      await ok("taint nodes n1 a=b:NoSchedule");
      assert.match(await ok("get node n1 -o jsonpath={.spec.taints[*].key}"), /^a\b/);
      await ok("taint nodes n1 a-");
    },
  },
  {
    name: "drain",
    async run({ ok }) {
      await ok("drain n1 --ignore-daemonsets --force --timeout=25s");
      assert.equal(await ok("get pods -n ns --field-selector spec.nodeName=n1 -o name"), "");
      await ok("uncordon n1");
    },
  },
  {
    name: "debug (ephemeral container)",
    async run({ ok }) {
      const [pod = ""] = (await ok("get pods -n ns -l app=app -o name")).split("\n");
      await ok(`debug ${pod} -n ns --image=busybox -c probe`);
      assert.equal(await ok(`get ${pod} -n ns -o jsonpath={.spec.ephemeralContainers[0].name}`), "probe");
    },
  },
  refused("autoscale deploy/app -n ns --cpu-percent=80 --max=3", /autoscaling|measures no load/),
  refused("top pods", /^error: Metrics API not available$/),
  refused("top nodes", /^error: Metrics API not available$/),
];
