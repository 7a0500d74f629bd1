// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { CART_IMAGE, deleteService } from "./lib/cart-service.ts";
import { create, getJson, kn, kubectl } from "./lib/command-line.ts";
import { readyPod } from "./lib/pods.ts";

const WEBHOOK = "mutatingwebhookconfiguration/webhook.perdure.dev";

interface Named {
  readonly name: string;
  readonly labels: object;
  readonly annotations: object;
}

/** Values that differ between any two services of the same name. */
const OF_ITS_OWN = [
  /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/g,
  /"\d{4}-\d\d-\d\dT[\d:.]+Z"/g,
  /plain-00001-deployment-[0-9a-z-]+/g,
  /kube-api-access-\w+/g,
  /\b198\.18\.\d+\.\d+\b/g,
  /"resourceVersion": "\d+"/g,
  // Hashes of objects that contain an id.
  /"(?:pod-template-hash|serving\.knative\.dev\/deployment-hash)": "\w+"/g,
];

/** The service with every object that Knative makes from it, without the values that always differ. */
async function snapshot(): Promise<string> {
  await deleteService("plain");
  await kn("service", "create", "plain", "--image", CART_IMAGE, "--port", "h2c:8080", "--scale-min", "1");
  const pod = await readyPod("plain");
  const objects: unknown[] = [];
  for (const kind of ["ksvc", "configuration", "revision", "route", "podautoscaler", "deployment"]) {
    const name =
      kind === "deployment" ? "plain-00001-deployment" : /^(rev|pod)/.test(kind) ? "plain-00001" : "plain";
    const { metadata, spec } = await getJson<Record<"metadata" | "spec", object>>(kind, name);
    objects.push({ kind, metadata: withoutHistory(metadata), spec });
  }
  objects.push({ ...pod, status: undefined, metadata: withoutHistory(pod.metadata) });
  return OF_ITS_OWN.reduce((text, each) => text.replaceAll(each, "…"), JSON.stringify(objects, null, 1));
}

/** Removes the records of which Knative controller wrote what and how often, because they depend on timing. */
function withoutHistory(metadata: object): object {
  return { ...metadata, managedFields: undefined, generation: undefined };
}

test.serial(
  "a service without the annotation is what it is where there is no Perdure, byte for byte",
  async (t) => {
    const { metadata, ...webhook } = await getJson<{ readonly metadata: Named }>(WEBHOOK);
    const { name, labels, annotations } = metadata;
    t.teardown(async () => {
      await create({ ...webhook, metadata: { name, labels, annotations } });
      await deleteService("plain");
    });
    const withPerdure = await snapshot();
    await kubectl("delete", WEBHOOK);
    const without = await snapshot();
    t.true(without.includes("queue-proxy"));
    t.is(withPerdure, without);
  },
);
