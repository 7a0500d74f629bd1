// SPDX-License-Identifier: Apache-2.0

import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { ClusterError } from "./error.ts";
import { apply, kubectl } from "./kubectl.ts";
import { clusterObjects, isDefinition } from "./manifests.ts";
import type { ClusterPaths } from "./paths.ts";
import { moduleFolder, moduleVersions } from "./programs.ts";
import type { Steps } from "./steps.ts";
import { waitFor } from "./wait.ts";

export type KnativePart = "serving" | "eventing";

/** Where each part's YAML is: a Go module of knative.dev and a folder in it. */
const SOURCES: Readonly<Record<KnativePart, ReadonlyArray<readonly [module: string, folder: string]>>> = {
  serving: [
    ["serving", "config/core"],
    ["networking", "config"],
    ["caching", "config"],
    ["net-kourier", "config"],
  ],
  eventing: [
    ["eventing", "config/core"],
    ["eventing", "config/brokers/mt-channel-broker"],
    ["eventing", "config/channels/in-memory-channel"],
  ],
};

/** Folders that hold jobs for an upgrade and are left out. */
const NOT_CONFIGURATION = "post-install";

const NAMESPACES: Readonly<Record<KnativePart, readonly string[]>> = {
  serving: ["knative-serving", "kourier-system"],
  eventing: ["knative-eventing"],
};

/** Timeout of each `kubectl wait`, in seconds. */
const WAIT_S = 120;

/** Copies the YAML out of the modules, so that a start needs neither Go nor its module cache. */
export async function collectManifests(paths: ClusterPaths, part: KnativePart, steps: Steps): Promise<void> {
  const file = manifestFile(paths, part);
  const head = `# ${moduleVersions()}\n`;
  if (existsSync(file) && readFileSync(file, "utf8").startsWith(head)) return;
  await steps.run(`collect ${part} YAML`, async () => {
    const documents: string[] = [];
    for (const [module, folder] of SOURCES[part]) {
      const root = join(await moduleFolder(`knative.dev/${module}`), folder);
      const names = globSync("**/*.yaml", { cwd: root }).filter((name) => !name.includes(NOT_CONFIGURATION));
      for (const name of names.sort()) documents.push(readFileSync(join(root, name), "utf8"));
    }
    mkdirSync(paths.manifests, { recursive: true });
    writeFileSync(file, head + documents.join("\n---\n"));
  });
}

/** Installs it and waits until it is there. */
export async function installKnative(paths: ClusterPaths, part: KnativePart, steps: Steps): Promise<void> {
  const objects = clusterObjects(readFileSync(manifestFile(paths, part), "utf8"));
  const resources = objects.filter(({ kind }) => kind === "CustomResourceDefinition");
  await steps.run(`${part}: apply`, async () => {
    await apply(paths, objects.filter(isDefinition));
    await waitUntil(paths, "Established", ...resources.map(({ metadata }) => `crd/${metadata.name}`));
    const others = objects.filter((object) => !isDefinition(object));
    await waitFor("Knative's webhooks", () => apply(paths, others), 1_000 * WAIT_S, isWebhookDown);
  });
  await steps.run(`${part}: ready`, async () => {
    for (const namespace of NAMESPACES[part])
      await waitUntil(paths, "Available", "deployments", "--all", "-n", namespace);
  });
}

/**
 * Whether objects were refused only because a webhook of Knative does not answer yet. A cluster that was up before,
 * however it ended, knows of its webhooks before their pod runs again.
 */
function isWebhookDown(error: unknown): boolean {
  return error instanceof ClusterError && error.message.includes("failed calling webhook");
}

/** Waits until the objects are in the condition. */
async function waitUntil(
  paths: ClusterPaths,
  condition: string,
  ...objects: readonly string[]
): Promise<void> {
  const wait = ["wait", `--for=condition=${condition}`, ...objects, `--timeout=${WAIT_S}s`];
  await kubectl(paths, wait, { timeoutMs: 2 * WAIT_S * 1_000 });
}

function manifestFile(paths: ClusterPaths, part: KnativePart): string {
  return join(paths.manifests, `${part}.yaml`);
}
