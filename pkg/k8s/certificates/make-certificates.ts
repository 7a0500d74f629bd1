// SPDX-License-Identifier: Apache-2.0

import { KeyObject } from "node:crypto";
import { isIP } from "node:net";

import type { Certificates } from "./certificates.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** Certificates are valid from so long before now, because clocks of other machines may be behind ours. */
const BACKDATED_MS = 3_600_000;

/**
 * Makes a certificate for these names and IP addresses, and the certificate of its signer. The signer's key is used
 * once and thrown away, so that it can never sign anything else. A renewal makes a new signer.
 */
export async function makeCertificates(
  names: readonly string[],
  nowMs: number,
  validForMs: number,
): Promise<Certificates> {
  // Loaded only here, because it takes longer than the rest of the start, and one start in thousands needs it.
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  const { subtle } = globalThis.crypto;
  const [signerKeys, keys] = await Promise.all([
    subtle.generateKey(ALGORITHM, true, ["sign", "verify"]),
    subtle.generateKey(ALGORITHM, true, ["sign", "verify"]),
  ]);
  const dates = { notBefore: new Date(nowMs - BACKDATED_MS), notAfter: new Date(nowMs + validForMs) };
  const signer = await x509.X509CertificateGenerator.createSelfSigned({
    name: `O=Perdure, CN=signer of ${new Date(nowMs).toISOString()}`,
    keys: signerKeys,
    signingAlgorithm: ALGORITHM,
    ...dates,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(signerKeys.publicKey),
    ],
  });
  const cert = await x509.X509CertificateGenerator.create({
    subject: `O=Perdure, CN=${names[0]}`,
    issuer: signer.subject,
    publicKey: keys.publicKey,
    signingKey: signerKeys.privateKey,
    signingAlgorithm: ALGORITHM,
    ...dates,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(signerKeys.publicKey),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    ca: [signer.toString("pem")],
    cert: cert.toString("pem"),
    key: KeyObject.from(keys.privateKey).export({ type: "pkcs8", format: "pem" }).toString(),
  };
}
