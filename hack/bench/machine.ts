// SPDX-License-Identifier: Apache-2.0

import { availableParallelism, cpus, loadavg, release, totalmem, type } from "node:os";

/** One line on where the figures come from. */
export function describeMachine(): string {
  const cores = availableParallelism();
  const gib = Math.round(totalmem() / 2 ** 30);
  const model = cpus()[0]?.model ?? process.arch;
  const load = loadavg()[0]?.toFixed(2) ?? "unknown";
  return `${cores} × ${model}, ${gib} GiB, ${type()} ${release()}, Node ${process.versions.node}, load average ${load}`;
}
