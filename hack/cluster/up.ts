// SPDX-License-Identifier: Apache-2.0

import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { LOCAL_REGISTRY, REGISTRY_PORT } from "./addresses.ts";
import { startContainerd } from "./containerd.ts";
import { startApi, startControllers, waitForApi } from "./control-plane.ts";
import { makeCredentials } from "./credentials.ts";
import { importImages, makeImages, PAUSE_IMAGE } from "./images.ts";
import type { KnativePart } from "./knative.ts";
import { collectManifests, installKnative } from "./knative.ts";
import { requireMachine } from "./machine.ts";
import { createNetwork, inside } from "./network.ts";
import { startNode, waitForNode } from "./node.ts";
import { downloadEnvoy, installPackages } from "./packages.ts";
import type { ClusterPaths } from "./paths.ts";
import { Processes } from "./processes.ts";
import type { Extra } from "./programs.ts";
import { buildPrograms } from "./programs.ts";
import type { Steps } from "./steps.ts";
import { offerVolumes } from "./volumes.ts";

/** Builds and downloads all that a start needs. Nothing runs yet, and with a full cache it takes no time. */
export async function prepare(paths: ClusterPaths, extras: readonly Extra[], steps: Steps): Promise<void> {
  await requireMachine();
  await installPackages(steps);
  await buildPrograms(paths, extras, steps);
  await downloadEnvoy(paths, steps);
  for (const part of parts(extras)) await collectManifests(paths, part, steps);
  await steps.run("write images", () => makeImages(paths, extras));
}

/** Brings the cluster up, from whatever state it is in. */
export async function start(paths: ClusterPaths, extras: readonly Extra[], steps: Steps): Promise<void> {
  const processes = new Processes(paths);
  mkdirSync(paths.run, { recursive: true });
  const credentials = await steps.run("network, certificates", async () => {
    await createNetwork();
    return makeCredentials(paths);
  });
  startApi(paths, processes, credentials);
  processes.start("registry", registryCommand(paths));
  // Images are unpacked while the API server starts and the node registers; what a pod needs earlier, it pulls.
  const images = startContainerd(paths, processes, PAUSE_IMAGE).then(() => importImages(paths, extras));
  // `images` is awaited below. If it fails earlier, the process must not end with an unhandled rejection.
  images.catch(() => {});
  await steps.run("API server", () => waitForApi(paths));
  startControllers(paths, processes, credentials);
  await startNode(paths, processes);
  await steps.run("node and DNS", () => waitForNode(paths));
  await steps.run("volumes", () => offerVolumes(paths));
  for (const part of parts(extras)) await installKnative(paths, part, steps);
  await steps.run("images", () => images);
}

function parts(extras: readonly Extra[]): KnativePart[] {
  return extras.includes("eventing") ? ["serving", "eventing"] : ["serving"];
}

function registryCommand(paths: ClusterPaths): string[] {
  const program = join(import.meta.dirname, "registry", "main.ts");
  return inside([process.execPath, program, paths.images, LOCAL_REGISTRY, String(REGISTRY_PORT)]);
}
