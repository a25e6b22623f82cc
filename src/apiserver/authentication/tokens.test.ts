import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, type KeyObject, verify } from "node:crypto";
import { test } from "node:test";
import { pods, type Resource, serviceAccounts } from "../../api/resource.ts";
import { ManualClock } from "../../lib/clock.ts";
import { openInMemory } from "../../store/open-store.ts";
import { encodeObject, type StoredObject } from "../codec.ts";
import { objectStoreKey } from "../keys.ts";
import { openidConfiguration } from "./openid.ts";
import { signingKey } from "./signing-key.ts";
import { createTokens } from "./tokens.ts";

const issuer = "https://issuer.example";
const hourMs = 3600_000;
const pem = (key: KeyObject): string => key.export({ type: "pkcs8", format: "pem" }) as string;
const ecKey = (): string => pem(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey);
const rsaKey = (): string => pem(generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey);

async function fixture() {
  const store = openInMemory();
  const clock = new ManualClock(Date.parse("2026-01-01T00:00:00Z"));
  const put = async (resource: Resource, name: string, uid: string, more: object = {}): Promise<void> => {
    const object = { apiVersion: "v1", kind: resource.kind, metadata: { name, namespace: "ns", uid, ...more } };
    await store.create(objectStoreKey(resource, "ns", name), encodeObject(object as StoredObject));
  };
  const remove = async (resource: Resource, name: string): Promise<void> => {
    const key = objectStoreKey(resource, "ns", name);
    const entry = await store.get(key);
    await store.delete(key, entry?.revision ?? 0, () => entry?.value ?? Buffer.alloc(0));
  };
  await put(serviceAccounts, "web", "account-uid");
  await put(pods, "web-0", "pod-uid");
  const tokens = createTokens({ key: signingKey(ecKey()), issuer, store, clock });
  return { store, clock, put, remove, tokens };
}

const account = { name: "web", uid: "account-uid" };
const bound = {
  namespace: "ns",
  serviceaccount: account,
  pod: { name: "web-0", uid: "pod-uid" },
  node: { name: "n1" },
};

for (const [name, key] of [
  ["ES256", ecKey()],
  ["RS256", rsaKey()],
] as const) {
  test(`a token signed with ${name} is checked with the published key, as others do`, () => {
    const signer = signingKey(key);
    assert.equal(signer.algorithm, name);
    const token = signer.sign({ sub: "x" });
    assert.deepEqual(signer.verify(token), { sub: "x" });
    const [header = "", payload = "", signature = ""] = token.split(".");
    assert.deepEqual(JSON.parse(Buffer.from(header, "base64url").toString()), { alg: name, kid: signer.keyId });
    const published = createPublicKey({ key: signer.jwk as never, format: "jwk" });
    const bytes = Buffer.from(signature, "base64url");
    const data = Buffer.from(`${header}.${payload}`);
    assert.ok(verify("sha256", data, { key: published, dsaEncoding: "ieee-p1363" }, bytes));
  });
}

test("a key of another sort is refused in one sentence", () => {
  const key = pem(generateKeyPairSync("ed25519").privateKey);
  assert.throws(() => signingKey(key), /Cannot sign tokens with a key of type "ed25519": must be RSA or EC P-256/);
});

test("a token tells who, where and for how long", async () => {
  const { tokens } = await fixture();
  const verdict = await tokens.judge(tokens.make({ audiences: [issuer], seconds: 600, bound }));
  assert.ok(verdict.ok);
  assert.equal(verdict.user.name, "system:serviceaccount:ns:web");
  assert.equal(verdict.user.uid, "account-uid");
  assert.deepEqual(verdict.user.groups, [
    "system:serviceaccounts",
    "system:serviceaccounts:ns",
    "system:authenticated",
  ]);
  const { "authentication.kubernetes.io/credential-id": id, ...extra } = verdict.user.extra ?? {};
  assert.match(id?.[0] ?? "", /^JTI=[0-9a-f-]{36}$/);
  assert.deepEqual(extra, {
    "authentication.kubernetes.io/node-name": ["n1"],
    "authentication.kubernetes.io/pod-name": ["web-0"],
    "authentication.kubernetes.io/pod-uid": ["pod-uid"],
  });
});

test("a token ends with its time, its account and its Pod", async () => {
  const { tokens, clock, remove, put } = await fixture();
  const make = () => tokens.make({ audiences: [issuer], seconds: 600, bound });
  const reason = async (token: string): Promise<string> => {
    const verdict = await tokens.judge(token);
    return verdict.ok ? "good" : verdict.reason;
  };
  const first = make();
  assert.equal(await reason(first), "good");
  clock.advance(599_000);
  assert.equal(await reason(first), "good");
  clock.advance(60_000);
  assert.equal(await reason(first), "service account token has expired");
  const second = make();
  await remove(pods, "web-0");
  assert.equal(await reason(second), "pod ns/web-0 has been deleted");
  await put(pods, "web-0", "another");
  assert.equal(await reason(second), "pod ns/web-0 UID (another) does not match claim (pod-uid)");
  const third = tokens.make({ audiences: [issuer], seconds: 600, bound: { namespace: "ns", serviceaccount: account } });
  assert.equal(await reason(third), "good");
  await remove(serviceAccounts, "web");
  assert.equal(await reason(third), "serviceaccount ns/web has been deleted");
});

test("a Pod that is being deleted keeps its token for its last minute only", async () => {
  const { tokens, clock, put } = await fixture();
  await put(pods, "going", "going-uid", { deletionTimestamp: "2026-01-01T00:00:30Z" });
  const going = { ...bound, pod: { name: "going", uid: "going-uid" } };
  const token = tokens.make({ audiences: [issuer], seconds: 3600, bound: going });
  clock.advance(89_000);
  assert.equal((await tokens.judge(token)).ok, true);
  clock.advance(2000);
  assert.equal((await tokens.judge(token)).ok, false);
});

test("a token for someone else is none for the API server", async () => {
  const { tokens } = await fixture();
  const token = tokens.make({ audiences: ["vault"], seconds: 600, bound });
  const refused = { ok: false, reason: `token audiences ["vault"] is invalid for the target audiences ["${issuer}"]` };
  assert.deepEqual(await tokens.judge(token), refused);
  const verdict = await tokens.judge(token, ["vault", "other"]);
  assert.deepEqual(verdict.ok && verdict.audiences, ["vault"]);
});

test("a Pod's own token lives for a year and says when it should have been renewed", async () => {
  const { tokens, clock } = await fixture();
  const token = tokens.make({ audiences: [issuer], seconds: 3607, bound });
  const claims = tokens.key.verify(token) as { exp: number; iat: number; "kubernetes.io": { warnafter: number } };
  assert.equal(claims.exp - claims.iat, 365 * 24 * 3600);
  assert.equal(claims["kubernetes.io"].warnafter - claims.iat, 3607);
  clock.advance(24 * hourMs);
  assert.equal((await tokens.judge(token)).ok, true);
});

test("nothing that was tampered with is believed", async () => {
  const { tokens } = await fixture();
  const token = tokens.make({ audiences: [issuer], seconds: 600, bound });
  const [header = "", payload = "", signature = ""] = token.split(".");
  const base64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString());
  const others = signingKey(ecKey());
  const bad = [
    "",
    "x",
    "..",
    `${header}.${payload}`,
    `${header}.${payload}.`,
    `${header}.${payload}.${signature}.x`,
    `${header}.${base64({ ...claims, sub: "system:serviceaccount:ns:admin" })}.${signature}`,
    `${base64({ alg: "none" })}.${payload}.`,
    `${base64({ alg: "HS256" })}.${payload}.${signature}`,
    others.sign(claims),
    tokens.key.sign({ ...claims, iss: "https://other.example" }),
    tokens.key.sign({ ...claims, sub: "system:serviceaccount:ns:admin" }),
    tokens.key.sign({ ...claims, exp: "never" }),
    tokens.key.sign([]),
  ];
  for (const text of bad)
    assert.deepEqual(await tokens.judge(text), { ok: false, reason: "invalid bearer token" }, text);
  assert.equal((await tokens.judge(token)).ok, true);
});

test("openidConfiguration() leads to the keys", async () => {
  const { tokens } = await fixture();
  assert.deepEqual(openidConfiguration(tokens, "10.0.0.1:6443"), {
    issuer,
    jwks_uri: "https://10.0.0.1:6443/openid/v1/jwks",
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["ES256"],
  });
});
