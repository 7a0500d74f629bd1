// SPDX-License-Identifier: Apache-2.0

import { createPrivateKey, X509Certificate } from "node:crypto";

/** A serving certificate and its signers. */
export interface Certificates {
  /** Certificates (PEM) of signers: first that of this certificate, then those of earlier ones that are still valid. */
  readonly ca: readonly string[];
  /** PEM. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
}

/** The keys of the Secret, as of any Secret with a certificate. */
const CA = "ca.crt";
const CERT = "tls.crt";
const KEY = "tls.key";

/** At most so many signers are kept. Renewals are months apart, so one earlier signer would be enough. */
const MAX_AUTHORITIES = 3;

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** Reads the `data` of the Secret; undefined if anything is missing or is no text. */
export function certificatesOf(data: Readonly<Record<string, unknown>>): Certificates | undefined {
  const [ca, cert, key] = [CA, CERT, KEY].map((name) => {
    const encoded = data[name];
    return typeof encoded === "string" ? Buffer.from(encoded, "base64").toString("utf8") : "";
  });
  if (!ca || !cert || !key) return undefined;
  return { ca: splitBundle(ca), cert, key };
}

/** The `data` of the Secret. */
export function secretDataOf({ ca, cert, key }: Certificates): Record<string, string> {
  const encode = (text: string): string => Buffer.from(text).toString("base64");
  return { [CA]: encode(bundleOf(ca)), [CERT]: encode(cert), [KEY]: encode(key) };
}

/** The bundle (PEM) of the signers that a client of the webhook must trust. */
export function bundleOf(ca: readonly string[]): string {
  return ca.map((each) => `${each.trim()}\n`).join("");
}

/** The certificates of a bundle, without any text around them. */
export function splitBundle(bundle: string): readonly string[] {
  return bundle.match(PEM) ?? [];
}

/**
 * Whether these certificates can be served: `fresh`, `due` for renewal but still good, or `unusable` for any reason,
 * such as malformed content of the Secret.
 *
 * @param names by which clients call the webhook; the certificate must have all of them.
 */
export function judge(
  certificates: Certificates | undefined,
  names: readonly string[],
  nowMs: number,
  renewBeforeMs: number,
): "fresh" | "due" | "unusable" {
  if (certificates === undefined) return "unusable";
  try {
    const cert = new X509Certificate(certificates.cert);
    const signer = new X509Certificate(certificates.ca[0] ?? "");
    const isOurs =
      cert.checkPrivateKey(createPrivateKey(certificates.key)) &&
      cert.verify(signer.publicKey) &&
      names.every((name) => cert.checkHost(name, { subject: "never" }) !== undefined);
    const endMs = Math.min(cert.validToDate.getTime(), signer.validToDate.getTime());
    if (!isOurs || cert.validFromDate.getTime() > nowMs || endMs <= nowMs) return "unusable";
    return endMs - renewBeforeMs <= nowMs ? "due" : "fresh";
  } catch {
    return "unusable";
  }
}

/**
 * The new certificates with the signers of the old ones added, so that clients trust replicas that still serve an old
 * certificate as well as replicas that already serve the new one.
 */
export function succeed(made: Certificates, old: Certificates | undefined, nowMs: number): Certificates {
  const earlier = (old?.ca ?? []).filter((each) => stillHolds(each, nowMs) && !made.ca.includes(each));
  return { ...made, ca: [...made.ca, ...earlier].slice(0, MAX_AUTHORITIES) };
}

function stillHolds(pem: string, nowMs: number): boolean {
  try {
    return new X509Certificate(pem).validToDate.getTime() > nowMs;
  } catch {
    return false;
  }
}
