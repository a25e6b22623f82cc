/** Signs and checks JSON Web Tokens. Source: RFC 7515 (signatures), RFC 7517 (keys), RFC 7518 section 3 (ES256, RS256). */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";

export interface SigningKey {
  /** "ES256" of a P-256 key, "RS256" of an RSA key. */
  readonly algorithm: "ES256" | "RS256";
  readonly keyId: string;
  /** The public half as clients fetch it from /openid/v1/jwks. */
  readonly jwk: object;
  sign(claims: object): string;
  /** The claims, if the token is well formed and of this key; no claim is looked at. */
  verify(token: string): Readonly<Record<string, unknown>> | undefined;
}

const base64url = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

function parse(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString());
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function algorithmOf(key: KeyObject): SigningKey["algorithm"] {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === "rsa") return "RS256";
  if (type === "ec" && details?.namedCurve === "prime256v1") return "ES256";
  throw new RangeError(`Cannot sign tokens with a key of type "${type}": must be RSA or EC P-256`);
}

/** `pem`: a private key. Throws RangeError for other sorts of keys. */
export function signingKey(pem: string): SigningKey {
  const privateKey = createPrivateKey(pem);
  const publicKey = createPublicKey(privateKey);
  const algorithm = algorithmOf(privateKey);
  // JOSE writes an ECDSA signature as r and s side by side (RFC 7518, section 3.4), not in DER.
  const encoding = { dsaEncoding: "ieee-p1363" } as const;
  const der = publicKey.export({ type: "spki", format: "der" });
  const keyId = createHash("sha256").update(der).digest("base64url");
  const head = base64url({ alg: algorithm, kid: keyId });
  return {
    algorithm,
    keyId,
    jwk: { use: "sig", kid: keyId, alg: algorithm, ...publicKey.export({ format: "jwk" }) },
    sign(claims) {
      const text = `${head}.${base64url(claims)}`;
      return `${text}.${sign("sha256", Buffer.from(text), { key: privateKey, ...encoding }).toString("base64url")}`;
    },
    verify(token) {
      const [header = "", payload = "", signature = "", ...rest] = token.split(".");
      if (rest.length > 0 || parse(header)?.alg !== algorithm) return undefined;
      const signed = Buffer.from(`${header}.${payload}`);
      const bytes = Buffer.from(signature, "base64url");
      return verify("sha256", signed, { key: publicKey, ...encoding }, bytes) ? parse(payload) : undefined;
    },
  };
}
