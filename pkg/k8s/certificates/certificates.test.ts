// SPDX-License-Identifier: Apache-2.0

import { X509Certificate } from "node:crypto";

import test from "ava";
import fc from "fast-check";

import { bundleOf, certificatesOf, judge, secretDataOf, splitBundle, succeed } from "./certificates.ts";
import { makeCertificates } from "./make-certificates.ts";

const DAY_MS = 86_400_000;
const NAMES = ["webhook.perdure-system.svc", "webhook.perdure-system"];
const NOW_MS = Date.UTC(2026, 10, 20);

test("a certificate is good for its names, its time and its use alone", async (t) => {
  const made = await makeCertificates(NAMES, NOW_MS, 90 * DAY_MS);
  const cert = new X509Certificate(made.cert);
  t.is(cert.subjectAltName, "DNS:webhook.perdure-system.svc, DNS:webhook.perdure-system");
  t.deepEqual(cert.keyUsage, ["1.3.6.1.5.5.7.3.1"], "server authentication");
  t.false(cert.ca);
  const signer = new X509Certificate(made.ca[0] ?? "");
  t.true(signer.ca);
  t.true(cert.checkIssued(signer));
  t.false(made.key.includes(made.ca[0] ?? ""));

  t.is(judge(made, NAMES, NOW_MS, 30 * DAY_MS), "fresh");
  t.is(judge(made, NAMES, NOW_MS + 59 * DAY_MS, 30 * DAY_MS), "fresh");
  t.is(judge(made, NAMES, NOW_MS + 60 * DAY_MS, 30 * DAY_MS), "due");
  t.is(judge(made, NAMES, NOW_MS + 90 * DAY_MS, 30 * DAY_MS), "unusable", "it has ended");
  t.is(judge(made, NAMES, NOW_MS - DAY_MS, 30 * DAY_MS), "unusable", "it has not begun");
  t.is(judge(made, [...NAMES, "other"], NOW_MS, 0), "unusable", "a name is missing");
});

test("addresses stand beside names, as in the certificate of an API server", async (t) => {
  const made = await makeCertificates(["kubernetes.default", "127.0.0.1", "::1"], NOW_MS, DAY_MS);
  const cert = new X509Certificate(made.cert);
  t.is(cert.checkIP("127.0.0.1"), "127.0.0.1");
  t.is(cert.checkHost("kubernetes.default"), "kubernetes.default");
  t.is(cert.checkIP("127.0.0.2"), undefined);
});

test("what does not belong together cannot be used", async (t) => {
  const [one, other] = await Promise.all([
    makeCertificates(NAMES, NOW_MS, DAY_MS),
    makeCertificates(NAMES, NOW_MS, DAY_MS),
  ]);
  t.is(judge({ ...one, key: other.key }, NAMES, NOW_MS, 0), "unusable");
  t.is(judge({ ...one, ca: other.ca }, NAMES, NOW_MS, 0), "unusable");
  t.is(judge({ ...one, ca: [] }, NAMES, NOW_MS, 0), "unusable");
  t.is(judge(undefined, NAMES, NOW_MS, 0), "unusable");
  t.deepEqual(certificatesOf(secretDataOf(one)), { ...one, ca: splitBundle(bundleOf(one.ca)) });
  const property = fc.property(
    fc.dictionary(fc.constantFrom("ca.crt", "tls.crt", "tls.key"), fc.anything()),
    (data) => {
      t.is(judge(certificatesOf(data), NAMES, NOW_MS, 0), "unusable");
    },
  );
  fc.assert(property);
});

test("after a renewal the earlier signers are trusted as long as they hold, and only so many", async (t) => {
  let current = await makeCertificates(NAMES, NOW_MS, DAY_MS);
  const first = current.ca[0];
  for (let day = 1; day <= 5; day += 1) {
    const made = await makeCertificates(NAMES, NOW_MS + day, DAY_MS);
    current = succeed(made, current, NOW_MS + day);
    t.is(current.ca[0], made.ca[0]);
  }
  t.is(current.ca.length, 3);
  t.false(current.ca.includes(first ?? ""));
  t.deepEqual(succeed(current, undefined, NOW_MS).ca, current.ca);
  const late = await makeCertificates(NAMES, NOW_MS + 2 * DAY_MS, DAY_MS);
  t.deepEqual(succeed(late, current, NOW_MS + 2 * DAY_MS).ca, late.ca);
});
