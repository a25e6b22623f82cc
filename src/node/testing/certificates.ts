/** A throw-away certificate authority for tests. */
import "reflect-metadata";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as x509 from "@peculiar/x509";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

async function writePair(path: string, certificate: x509.X509Certificate, key: CryptoKey): Promise<void> {
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey("pkcs8", key)).toString("base64");
  writeFileSync(`${path}.crt`, certificate.toString("pem"));
  writeFileSync(`${path}.key`, `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`);
}

/** Writes ca, server (for 127.0.0.1) and client as `<name>.crt` and `<name>.key`. */
export async function writeCertificates(directory: string): Promise<void> {
  x509.cryptoProvider.set(crypto);
  const [notBefore, notAfter] = [new Date(Date.now() - 60_000), new Date(Date.now() + 3_600_000)];
  const caKeys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...{ name: "CN=test-ca", notBefore, notAfter, signingAlgorithm: algorithm, keys: caKeys },
    extensions: [new x509.BasicConstraintsExtension(true, 1, true)],
  });
  await writePair(join(directory, "ca"), ca, caKeys.privateKey);
  for (const name of ["server", "client"]) {
    const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const certificate = await x509.X509CertificateGenerator.create({
      ...{ subject: `CN=${name}`, issuer: ca.subject, notBefore, notAfter, signingAlgorithm: algorithm },
      publicKey: keys.publicKey,
      signingKey: caKeys.privateKey,
      extensions: [new x509.SubjectAlternativeNameExtension([{ type: "ip", value: "127.0.0.1" }])],
    });
    await writePair(join(directory, name), certificate, keys.privateKey);
  }
}
