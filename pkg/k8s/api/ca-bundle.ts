// SPDX-License-Identifier: Apache-2.0

import { bundleOf, splitBundle } from "../certificates/certificates.ts";
import type { Api } from "./api.ts";
import type { JsonObject } from "./json.ts";
import { objectOrEmpty, objectsOf, resourceVersionOf } from "./json.ts";

const API_VERSION = "admissionregistration.k8s.io/v1";

/** The name under which the API server records the fields that the webhook has set (server-side apply). */
const FIELD_MANAGER = "perdure-webhook";

/**
 * Makes the API server trust the signer of our certificate, in every webhook of the configuration. If every webhook
 * trusts it already, nothing is written, so that an outdated replica never removes what another one has just added.
 *
 * @param ca certificates (PEM). The API server must trust the first one; the others are written with it.
 * @returns whether anything was written.
 * @throws K8sError `API_CONFLICT` if another client wrote at the same time: call again.
 */
export async function applyCaBundle(
  api: Api,
  configuration: string,
  ca: readonly string[],
  signal: AbortSignal,
): Promise<boolean> {
  const path = `/apis/${API_VERSION}/mutatingwebhookconfigurations/${encodeURIComponent(configuration)}`;
  const found = await api.send({ method: "GET", path, signal });
  const webhooks = objectsOf(found["webhooks"]);
  if (webhooks.every((webhook) => trusts(webhook, ca[0] ?? ""))) return false;
  const caBundle = Buffer.from(bundleOf(ca)).toString("base64");
  await api.send({
    method: "PATCH",
    path: `${path}?fieldManager=${FIELD_MANAGER}&force=true`,
    contentType: "application/apply-patch+yaml",
    body: {
      apiVersion: API_VERSION,
      kind: "MutatingWebhookConfiguration",
      // The version that was read, so that the API server refuses this apply if another write came first.
      metadata: { name: configuration, resourceVersion: resourceVersionOf(found) },
      webhooks: webhooks.map(({ name }) => ({ name, clientConfig: { caBundle } })),
    },
    signal,
  });
  return true;
}

function trusts(webhook: JsonObject, signer: string): boolean {
  const { caBundle } = objectOrEmpty(webhook["clientConfig"]);
  if (typeof caBundle !== "string") return false;
  return splitBundle(Buffer.from(caBundle, "base64").toString("utf8")).includes(signer);
}
