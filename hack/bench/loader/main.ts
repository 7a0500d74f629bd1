// SPDX-License-Identifier: Apache-2.0
// The process that makes the calls: takes one job after the other from its parent.

import type { Load, LoadAnswer, LoadJob } from "../messages.ts";

import type { Client } from "./client.ts";
import { connectH2 } from "./h2-client.ts";
import { connectHttp1 } from "./http1-client.ts";
import { probe } from "./probe.ts";
import { runCallers } from "./run.ts";

process.on("disconnect", () => process.exit(0));
process.on("message", (job: LoadJob) => {
  void work(job).then(
    (load) => answer({ load }),
    (error: unknown) => answer({ error: String(error) }),
  );
});

async function work(job: LoadJob): Promise<Load> {
  const client = await connect(job);
  try {
    // Garbage of the last job is not to be collected in the middle of this one.
    globalThis.gc?.();
    return await runCallers(client, job, () => performance.now());
  } finally {
    client.close();
  }
}

async function connect({ protocol, port, call, callers }: LoadJob): Promise<Client> {
  if (protocol === "http") return connectHttp1(port, call, callers);
  await probe(port, call, protocol === "grpc");
  return connectH2(port, call, callers);
}

function answer(message: LoadAnswer): void {
  process.send?.(message);
}
