// SPDX-License-Identifier: Apache-2.0

import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** Where everything of the cluster is on this machine. */
export interface ClusterPaths {
  /** Programs, built once. */
  readonly bin: string;
  /** What is downloaded as it is. */
  readonly downloads: string;
  /** Knative's YAML, as its modules have it. */
  readonly manifests: string;
  /** Archives of all images that can be run. */
  readonly images: string;
  /** Output of the programs that run, and of builds. */
  readonly logs: string;
  /** State of the cluster: gone with `down --wipe`. */
  readonly run: string;
  readonly kubeconfig: string;
}

/** `PERDURE_CLUSTER_DIR`, or a folder in the user's cache. */
export function clusterPaths(env: NodeJS.ProcessEnv = process.env): ClusterPaths {
  // An empty variable is one that is not set (XDG Base Directory Specification).
  const cache = env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  const root = resolve(env["PERDURE_CLUSTER_DIR"] || join(cache, "perdure", "cluster"));
  const run = join(root, "run");
  return {
    bin: join(root, "bin"),
    downloads: join(root, "downloads"),
    manifests: join(root, "manifests"),
    images: join(root, "images"),
    logs: join(root, "logs"),
    run,
    kubeconfig: join(run, "kubeconfig"),
  };
}
