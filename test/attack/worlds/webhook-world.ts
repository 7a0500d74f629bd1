// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { parse } from "yaml";

import { MALLOC_ENV } from "../../../hack/image/malloc-env.ts";
import { httpCaller } from "../calls.ts";
import { openCgroup } from "../cgroup.ts";
import { processMeter } from "../memory.ts";
import { startWebhookProcess } from "../webhook/process.ts";
import type { OpenWorld } from "../world.ts";
import { flagArguments } from "../world.ts";

const DEPLOYMENT = join(import.meta.dirname, "../../../config/core/500-webhook.yaml");

interface Container {
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly resources: { readonly limits: { readonly memory: string } };
}

/** The container as it is installed. */
const [CONTAINER] = (
  parse(readFileSync(DEPLOYMENT, "utf8")) as {
    readonly spec: { readonly template: { readonly spec: { readonly containers: readonly [Container] } } };
  }
).spec.template.spec.containers;

const NODE_OPTIONS = CONTAINER.env.find(({ name }) => name === "NODE_OPTIONS")?.value ?? "";

const LIMIT_MIB = Number(/^(\d+)Mi$/.exec(CONTAINER.resources.limits.memory)?.[1]);

export const WEBHOOK_MEMORY = { limitMib: LIMIT_MIB, maxMib: 0.8 * LIMIT_MIB };

/** A request of the API server: a review of a service that is to become stateful. */
const REVIEW = {
  apiVersion: "admission.k8s.io/v1",
  kind: "AdmissionReview",
  request: {
    uid: "1",
    resource: { group: "serving.knative.dev", version: "v1", resource: "services" },
    operation: "CREATE",
    namespace: "default",
    object: {
      metadata: { name: "cart", annotations: { "perdure.dev/stateful": "true" } },
      spec: { template: { spec: { containers: [{ image: "cart" }] } } },
    },
  },
};

/** The webhook, with a bystander that sends it reviews all the time, as an API server does. */
export const openWebhookWorld: OpenWorld = async (scope, { flags, memoryBytes, wantsCgroup }) => {
  const cgroup = wantsCgroup ? openCgroup(scope, memoryBytes) : undefined;
  const webhook = await startWebhookProcess(scope, {
    // As in its image.
    env: { NODE_OPTIONS, ...MALLOC_ENV },
    args: flagArguments(flags),
    prefix: cgroup?.prefix ?? [],
  });
  const { port } = webhook;
  return {
    target: { port, adminPort: port, facts: {} },
    process: webhook,
    others: [],
    meter: cgroup?.meter ?? processMeter(webhook.pid),
    bystanders: { admit: httpCaller(port, "/admit", { tls: true, body: JSON.stringify(REVIEW) }) },
    probes: {
      "/readyz": httpCaller(port, "/readyz", { tls: true }),
      "/livez": httpCaller(port, "/livez", { tls: true }),
    },
  };
};
