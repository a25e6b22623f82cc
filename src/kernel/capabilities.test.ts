import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { chooseTier, missingPrograms, probeTier, type TierFacts } from "./capabilities.ts";
import { missingFeatures } from "./features.ts";
import { isolate } from "./isolate.ts";
import { listLinks, openRouteSocket } from "./route/mod.ts";

const options = isolate();
const base: TierFacts = { uid: 1000, plainError: "not root", userError: "Operation not permitted", settings: {} };

describe("chooseTier()", () => {
  const cases: readonly { name: string; facts: Partial<TierFacts>; want: RegExp | string }[] = [
    { name: "root", facts: { uid: 0, plainError: "" }, want: "root" },
    { name: "ordinary user", facts: { userError: "" }, want: "user-namespace" },
    { name: "root without the capability", facts: { uid: 0, plainError: "no", userError: "" }, want: "user-namespace" },
    {
      name: "Ubuntu 24.04",
      facts: { settings: { "kernel.apparmor_restrict_unprivileged_userns": "1", "user.max_user_namespaces": "96000" } },
      want: /sudo sysctl -w kernel\.apparmor_restrict_unprivileged_userns=0/,
    },
    {
      name: "an old Debian",
      facts: { settings: { "kernel.unprivileged_userns_clone": "0" } },
      want: /sudo sysctl -w kernel\.unprivileged_userns_clone=1/,
    },
    {
      name: "no user namespaces at all",
      facts: { settings: { "user.max_user_namespaces": "0" } },
      want: /sudo sysctl -w user\.max_user_namespaces=15000/,
    },
    {
      name: "an unknown reason",
      facts: {},
      want: /^Cannot make a user namespace \(Operation not permitted\): run fairlead as root$/,
    },
    { name: "root in a container", facts: { uid: 0, plainError: "no" }, want: /--privileged/ },
  ];
  for (const { name, facts, want } of cases) {
    test(name, () => {
      const choice = chooseTier({ ...base, ...facts });
      if (typeof want === "string") assert.equal(choice.ok && choice.tier, want);
      else assert.match(choice.ok ? "" : choice.reason, want);
    });
  }
});

describe("probes", options, () => {
  test("this machine makes namespaces, has the programs and the features", () => {
    assert.equal(probeTier().ok, true);
    assert.deepEqual(missingPrograms(), []);
    assert.deepEqual(missingFeatures(), []);
  });

  test("missingFeatures() leaves nothing in the network namespace of the caller", () => {
    missingFeatures();
    const socket = openRouteSocket();
    assert.deepEqual(
      listLinks(socket).filter(({ name }) => name.startsWith("probe")),
      [],
    );
    socket.close();
  });

  test("missingPrograms() names the Debian package", () => {
    assert.equal(
      missingPrograms("/nowhere")[0],
      'The program "unshare" is missing: install the Debian package "util-linux"',
    );
  });
});
