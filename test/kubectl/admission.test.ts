/** kubectl with webhooks' configurations and policies: applied, printed, explained, heard. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { skip, startKubectl } from "./run-kubectl.ts";

const manifests = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: hooks}
webhooks:
- name: one.example.com
  clientConfig: {url: "https://127.0.0.1:1/x"}
  rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [secrets]}]
  admissionReviewVersions: [v1]
  sideEffects: None
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: few}
spec:
  paramKind: {apiVersion: v1, kind: ConfigMap}
  matchConstraints:
    resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments]}]
  validations:
  - expression: object.spec.replicas <= int(params.data.max)
    messageExpression: "'at most ' + params.data.max + ' replicas'"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: few}
spec:
  policyName: few
  validationActions: [Deny]
  paramRef: {name: limits, namespace: default, parameterNotFoundAction: Deny}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: limits}
data: {max: "3"}
`;

describe("kubectl and admission", { skip }, async () => {
  const kubectl = await startKubectl();
  after(() => kubectl.close());
  const { ok, run } = kubectl;

  test("applied once and again, printed as Kubernetes prints them, explained and described", async () => {
    assert.match(await ok("apply -f -", { input: manifests }), /validatingadmissionpolicy.*\/few created/);
    // Lists of rules are replaced as a whole, and their defaults are not in the file: kubectl sends them, and nothing changes.
    const revision = () => ok("get validatingwebhookconfiguration hooks -o jsonpath={.metadata.resourceVersion}");
    const before = await revision();
    assert.match(await ok("apply -f -", { input: manifests }), /validatingwebhookconfiguration.*\/hooks configured/);
    assert.equal(await revision(), before);
    assert.match(await ok("get validatingwebhookconfigurations"), /^NAME\s+WEBHOOKS\s+AGE\nhooks\s+1\s+\d+s\n$/);
    assert.match(
      await ok("get validatingadmissionpolicies"),
      /^NAME\s+VALIDATIONS\s+PARAMKIND\s+AGE\nfew\s+1\s+v1\/ConfigMap/,
    );
    const bindings = await ok("get validatingadmissionpolicybindings");
    assert.match(bindings, /^NAME\s+POLICYNAME\s+PARAMREF\s+AGE\nfew\s+few\s+default\/limits/);
    assert.match(await ok("explain validatingwebhookconfigurations.webhooks.rules"), /resources\s+<\[\]string>/);
    assert.match(await ok("describe validatingadmissionpolicy few"), /Expression:\s+object\.spec\.replicas/);
    assert.match(await ok("describe validatingwebhookconfiguration hooks"), /URL:\s+https:\/\/127\.0\.0\.1:1\/x/i);
    assert.match(await ok("api-resources --categories=api-extensions -o name"), /mutatingwebhookconfigurations/);
  });

  test("a refusal is heard in the words of policy or webhook", async () => {
    const many = await run(["create", "deployment", "many", "--image=x", "--replicas=5"]);
    assert.equal(many.code, 1);
    assert.match(many.err, /ValidatingAdmissionPolicy 'few' with binding 'few' denied request: at most 3 replicas/);
    await ok("create deployment some --image=x --replicas=2");
    const scaled = await run(["scale", "deployment", "some", "--replicas=7"]);
    assert.equal(scaled.code, 0, "the policy is not about deployments/scale");
    const secret = await run(["create", "secret", "generic", "s"]);
    assert.match(
      secret.err,
      /failed calling webhook "one\.example\.com": failed to call webhook: Post "https:\/\/127\.0\.0\.1:1\/x\?timeout=10s": dial tcp 127\.0\.0\.1:1: connect: connection refused/,
    );
    await ok("delete validatingwebhookconfiguration hooks");
    await ok("create secret generic s");
  });
});
