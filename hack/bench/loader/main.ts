// SPDX-License-Identifier: Apache-2.0
// The process that makes requests: runs the jobs that its parent sends, one after the other, and answers each.

import { connectH2 } from "./h2-client.ts";
import { connectHttp1 } from "./http1-client.ts";
import type { Job, Load, LoadAnswer } from "./job.ts";
import { connectNats } from "./nats-client.ts";
import { probe } from "./probe.ts";
import type { Client } from "./run.ts";
import { placeOf, runCallers } from "./run.ts";

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

/** A client of each server that has callers. */
async function connect(job: Job): Promise<Client> {
  const clients: Client[] = [];
  for (let index = 0; index < Math.min(job.callers, 1 + (job.also?.length ?? 0)); index++) {
    const { entrance, callers } = placeOf(index, job);
    clients.push(await connectTo(entrance.port, index, callers, job));
  }
  return {
    call: async (caller, entity) => {
      const { index, caller: callerThere } = placeOf(caller, job);
      return clients[index]?.call(callerThere, entity);
    },
    close: () => clients.forEach((client) => client.close()),
  };
}

async function connectTo(
  port: number,
  index: number,
  callers: number,
  { protocol, call, sizes }: Job,
): Promise<Client> {
  if (protocol === "nats") return connectNats(port, index, sizes);
  if (protocol === "http") return connectHttp1(port, call, callers);
  if (protocol === "grpc") await probe(port, call);
  return connectH2(port, call, callers);
}

function answer(message: LoadAnswer): void {
  process.send?.(message);
}
