/** What others need to check this cluster's tokens. Source: OpenID Connect Discovery 1.0, section 3; Kubernetes "Service account issuer discovery". */
import type { Tokens } from "./tokens.ts";

/** GET /.well-known/openid-configuration; `host`: where the client reached the API server. */
export function openidConfiguration({ issuer, key }: Pick<Tokens, "issuer" | "key">, host: string) {
  return {
    issuer,
    jwks_uri: `https://${host}/openid/v1/jwks`,
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: [key.algorithm],
  };
}

/** GET /openid/v1/jwks. */
export const keySet = ({ key }: Pick<Tokens, "key">) => ({ keys: [key.jwk] });
