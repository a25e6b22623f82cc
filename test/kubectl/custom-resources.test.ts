/** kubectl with a custom resource: from its definition to its end. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { skip, startKubectl } from "./run-kubectl.ts";

const definition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: crontabs.stable.example.com}
spec:
  group: stable.example.com
  scope: Namespaced
  names: {plural: crontabs, singular: crontab, kind: CronTab, shortNames: [ct], categories: [all]}
  versions:
    - name: v1
      served: true
      storage: true
      subresources:
        status: {}
        scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}
      additionalPrinterColumns:
        - {name: Spec, type: string, jsonPath: .spec.cronSpec}
        - {name: Replicas, type: integer, jsonPath: .spec.replicas}
        - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
                cronSpec: {type: string, description: When it runs.}
                replicas: {type: integer, default: 2}
            status:
              type: object
              properties:
                replicas: {type: integer}
`;
const tab = (spec: string): string =>
  `apiVersion: stable.example.com/v1\nkind: CronTab\nmetadata: {name: mine}\nspec: {cronSpec: "${spec}"}\n`;

describe("kubectl and custom resources", { skip }, async () => {
  const kubectl = await startKubectl();
  after(() => kubectl.close());
  const { ok, run } = kubectl;

  test("from its definition to its end", async () => {
    assert.match(await ok("apply -f -", { input: definition }), /crontabs\.stable\.example\.com created/);
    assert.match(
      await ok("wait --for=condition=Established crd/crontabs.stable.example.com --timeout=5s"),
      /condition met/,
    );
    assert.match(
      await ok("api-resources --api-group=stable.example.com"),
      /^crontabs\s+ct\s+stable.example.com\/v1\s+true\s+CronTab$/m,
    );
    assert.match(await ok("explain crontab.spec.cronSpec"), /When it runs\./);
    assert.equal(await ok("apply -f -", { input: tab("* * * * *") }), "crontab.stable.example.com/mine created\n");
    assert.equal(await ok("apply -f -", { input: tab("* * * * *") }), "crontab.stable.example.com/mine unchanged\n");
    assert.equal(await ok("apply -f -", { input: tab("1 * * * *") }), "crontab.stable.example.com/mine configured\n");
    const [head = "", row = ""] = (await ok("get ct")).split("\n");
    assert.match(head, /^NAME\s+SPEC\s+REPLICAS\s+AGE$/);
    assert.match(row, /^mine\s+1 \* \* \* \*\s+2\s+\d+s$/);
    assert.match(await ok("describe ct mine"), /Cron Spec:\s+1 \* \* \* \*/);
    assert.match(await ok("get all"), /crontab\.stable\.example\.com\/mine/);
    await ok("scale ct mine --replicas=5");
    assert.equal(await ok("get ct mine -o jsonpath={.spec.replicas}"), "5");
    await ok("label ct mine a=b");
    assert.equal(await ok("get ct -l a=b -o name"), "crontab.stable.example.com/mine\n");
    const odd = tab("2 * * * *").replace("cronSpec:", "odd: 1, cronSpec:");
    const refused = await run(["apply", "-f", "-"], { input: odd });
    assert.deepEqual([refused.code, /unknown field "spec\.odd"/.test(refused.err)], [1, true]);
    assert.match(
      await ok("apply --server-side --force-conflicts -f -", { input: tab("3 * * * *") }),
      /serverside-applied/,
    );
    assert.match(await ok("delete crd crontabs.stable.example.com --timeout=10s"), /deleted/);
    const gone = await run(["get", "ct"]);
    assert.match(gone.err, /doesn't have a resource type "ct"|could not find the requested resource/);
  });
});
