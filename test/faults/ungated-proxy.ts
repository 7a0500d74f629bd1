// SPDX-License-Identifier: Apache-2.0

/**
 * A proxy that breaks its promise on purpose, to show that the fault tests notice it: its answers leave whether its
 * lease is valid or not (against I8). So one that was stopped while others took its shards answers from old state.
 */

import { SharedEntities } from "../../pkg/proxy/cluster/shared-entities.ts";

const begin = Object.getOwnPropertyDescriptor(SharedEntities.prototype, "begin")
  ?.value as SharedEntities["begin"];

SharedEntities.prototype.begin = function (shard) {
  const admission = begin.call(this, shard);
  return admission && { pass: () => "reply", end: () => admission.end() };
};

await import("../../cmd/proxy/main.ts");
