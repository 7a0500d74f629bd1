// SPDX-License-Identifier: Apache-2.0
// The process that makes requests: runs the jobs that its parent sends, one after the other, and answers each.

import { connectH2 } from "./h2-client.ts";
import { connectHttp1 } from "./http1-client.ts";
import type { Job, Load, LoadAnswer } from "./job.ts";
import { probe } from "./probe.ts";
import type { Client } from "./run.ts";
import { runCallers } from "./run.ts";

process.on("disconnect", () => process.exit(0));
process.on("message", (job: Job) => {
  void run(job).then(
    (load) => answer({ load }),
    (error: unknown) => answer({ error: String(error) }),
  );
});

async function run(job: Job): Promise<Load> {
  const client = await connect(job);
  try {
    // Garbage of the last job is not to be collected in the middle of this one.
    globalThis.gc?.();
    return await runCallers(client, job, () => performance.now());
  } finally {
    client.close();
  }
}

async function connect({ protocol, port, call, callers }: Job): Promise<Client> {
  if (protocol === "http") return connectHttp1(port, call, callers);
  if (protocol === "grpc") await probe(port, call);
  return connectH2(port, call, callers);
}

function answer(message: LoadAnswer): void {
  process.send?.(message);
}
