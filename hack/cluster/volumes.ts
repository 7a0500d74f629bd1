// SPDX-License-Identifier: Apache-2.0

import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";

import { apply } from "./kubectl.ts";
import type { ClusterPaths } from "./paths.ts";

const VOLUMES = 6;
const SIZE = "20Gi";

/**
 * Volumes for claims that name no storage class: folders of this machine, in place of what a cloud's provisioner would
 * make. A claim takes one for good; `down --wipe` gives all back.
 */
export async function offerVolumes(paths: ClusterPaths): Promise<void> {
  const volumes = Array.from({ length: VOLUMES }, (_, i) => {
    const name = `local-${i + 1}`;
    const folder = join(paths.run, "volumes", name);
    mkdirSync(folder, { recursive: true });
    // Kubernetes does not apply `fsGroup` to folders of its node, and pods do not run as root.
    chmodSync(folder, 0o777);
    return {
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: { name },
      spec: {
        capacity: { storage: SIZE },
        accessModes: ["ReadWriteOnce"],
        persistentVolumeReclaimPolicy: "Retain",
        hostPath: { path: folder, type: "Directory" },
      },
    };
  });
  await apply(paths, volumes);
}
