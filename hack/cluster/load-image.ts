// SPDX-License-Identifier: Apache-2.0

import { readContents } from "../image/contents.ts";
import type { Cluster } from "./cluster.ts";
import { runCommand } from "./command.ts";
import { ClusterError } from "./error.ts";
import { loadArchive } from "./images.ts";
import type { ClusterPaths } from "./paths.ts";

/** The variable with the command that gives an image archive to a cluster which is not ours. */
export const LOAD_COMMAND = "PERDURE_LOAD_IMAGE";

const LOAD_TIMEOUT_MS = 300_000;

/** Makes the images of an archive known to the cluster, and returns their names. */
export async function loadImage(
  cluster: Cluster,
  paths: ClusterPaths,
  file: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string[]> {
  if (cluster.kind === "ours") return loadArchive(paths, file);
  const command = env[LOAD_COMMAND];
  if (command === undefined || command === "") {
    const text =
      `set ${LOAD_COMMAND} to the command that gives an image archive to the cluster of KUBECONFIG; ` +
      'the file\'s name is added to it, as in "kind load image-archive"';
    throw new ClusterError("NOT_READY", text);
  }
  const { images } = await readContents(file);
  await runCommand(["sh", "-c", `${command} "$1"`, "sh", file], { timeoutMs: LOAD_TIMEOUT_MS });
  return images.map(({ name }) => name);
}
