/** Makes certificates (X.509, EC P-256). Loaded only when something must be made: the library takes its time. */
import "reflect-metadata";
import { KeyObject, randomBytes, type webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import type { Credential } from "./pki.ts";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const yearMs = 365 * 24 * 3600 * 1000;

const generateKeys = (): Promise<webcrypto.CryptoKeyPair> =>
  crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]) as Promise<webcrypto.CryptoKeyPair>;

const credentialOf = (certificate: x509.X509Certificate, key: webcrypto.CryptoKey): Credential => ({
  certificate: `${certificate.toString("pem").trimEnd()}\n`,
  key: KeyObject.from(key).export({ type: "pkcs8", format: "pem" }) as string,
});

const importPrivate = async (pem: string): Promise<webcrypto.CryptoKey> =>
  crypto.subtle.importKey("pkcs8", x509.PemConverter.decodeFirst(pem), algorithm, false, ["sign"]);

/** 16 bytes, the first one below 0x80 and not 0: a positive number without padding (RFC 5280, 4.1.2.2). */
const serialNumber = (): string => `4${randomBytes(16).toString("hex").slice(1)}`;

/** Valid from an hour ago, so that a clock a little behind accepts it. */
const validFor = (years: number): { notBefore: Date; notAfter: Date } => ({
  notBefore: new Date(Date.now() - 3600_000),
  notAfter: new Date(Date.now() + years * yearMs),
});

export async function makeAuthority(): Promise<Credential> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: ["kubernetes"] }],
    ...validFor(10),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return credentialOf(certificate, keys.privateKey);
}

/** A certificate for clients and, with `hosts` (names and addresses), for serving there too. */
export async function makeCertificate(
  ca: Credential,
  {
    commonName,
    organization,
    hosts,
  }: { commonName: string; organization?: string | undefined; hosts: readonly string[] },
): Promise<Credential> {
  const keys = await generateKeys();
  const issuer = new x509.X509Certificate(ca.certificate);
  const usages = [x509.ExtendedKeyUsage.clientAuth, ...(hosts.length > 0 ? [x509.ExtendedKeyUsage.serverAuth] : [])];
  const names = hosts.map((value) => ({
    type: /^[\d.]+$|:/.test(value) ? ("ip" as const) : ("dns" as const),
    value,
  }));
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [...(organization ? [{ O: [organization] }] : []), { CN: [commonName] }],
    issuer: issuer.subject,
    ...validFor(5),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: await importPrivate(ca.key),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(usages),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
    ],
  });
  return credentialOf(certificate, keys.privateKey);
}
