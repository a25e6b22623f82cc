/** The official Python client (Debian's python3-kubernetes) against the server: create, list, watch, patch, apply, delete. */
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { formatKubeconfig } from "../../src/apiserver/kubeconfig.ts";
import { startTestServer } from "../../src/apiserver/testing.ts";

/** Debian's own Python has Debian's modules. */
const python = "/usr/bin/python3";
const missing = spawnSync(python, ["-c", "import kubernetes"]).status !== 0;

const script = `
import sys, threading
from kubernetes import client, config, watch
from kubernetes.client.rest import ApiException
config.load_kube_config(sys.argv[1])
core, apps, custom = client.CoreV1Api(), client.AppsV1Api(), client.CustomObjectsApi()
ns = "default"
body = client.V1Service(metadata=client.V1ObjectMeta(name="web", labels={"app": "web"}),
    spec=client.V1ServiceSpec(selector={"app": "web"}, ports=[client.V1ServicePort(port=80, target_port="http")]))
made = core.create_namespaced_service(ns, body)
assert made.spec.cluster_ip.startswith("10.96."), made
listed = core.list_namespaced_service(ns, label_selector="app=web")
seen = []
def follow():
    for event in watch.Watch().stream(core.list_namespaced_service, ns, resource_version=listed.metadata.resource_version, timeout_seconds=20):
        seen.append((event["type"], event["object"].metadata.name))
        if event["type"] == "DELETED": return
thread = threading.Thread(target=follow); thread.start()
core.patch_namespaced_service("web", ns, {"metadata": {"annotations": {"note": "x"}}})
current = core.read_namespaced_service("web", ns)
current.spec.ports[0].port = 81
assert core.replace_namespaced_service("web", ns, current).spec.ports[0].port == 81
try:
    core.replace_namespaced_service("web", ns, made); raise SystemExit("an old revision was taken")
except ApiException as error:
    assert error.status == 409, error
core.delete_namespaced_service("web", ns)
thread.join(25)
assert seen == [("MODIFIED", "web"), ("MODIFIED", "web"), ("DELETED", "web")], seen
template = client.V1PodTemplateSpec(metadata=client.V1ObjectMeta(labels={"app": "a"}),
    spec=client.V1PodSpec(containers=[client.V1Container(name="c", image="busybox")]))
apps.create_namespaced_deployment(ns, client.V1Deployment(metadata=client.V1ObjectMeta(name="a"),
    spec=client.V1DeploymentSpec(replicas=2, selector=client.V1LabelSelector(match_labels={"app": "a"}), template=template)))
assert apps.patch_namespaced_deployment_scale("a", ns, {"spec": {"replicas": 3}}).spec.replicas == 3
assert [item.metadata.name for item in apps.list_deployment_for_all_namespaces().items] == ["a"]
core.create_namespaced_config_map(ns, client.V1ConfigMap(metadata=client.V1ObjectMeta(name="m"), data={"a": "1"}))
assert core.read_namespaced_config_map("m", ns).data == {"a": "1"}
assert client.VersionApi().get_code().major == "1"
print("done")
`;

test("the Python client lists, watches and writes", {
  skip: missing && "python3-kubernetes is not installed",
}, async () => {
  const server = await startTestServer();
  after(() => server.close());
  const dir = await mkdtemp(join(tmpdir(), "fairlead-python-"));
  after(() => rm(dir, { recursive: true }));
  const { pki, port } = server;
  const file = join(dir, "config");
  await writeFile(
    file,
    formatKubeconfig({ server: `https://127.0.0.1:${port}`, ca: pki.ca, credential: pki.client("admin") }),
  );
  const output = await new Promise<string>((resolve, reject) => {
    execFile(python, ["-c", script, file], { timeout: 60_000 }, (error, stdout, stderr) =>
      error ? reject(new Error(stderr || error.message)) : resolve(stdout),
    );
  });
  assert.equal(output.trim(), "done");
});
