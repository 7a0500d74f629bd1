// SPDX-License-Identifier: Apache-2.0
// The process that makes requests.

import { answerJobs } from "../answer-jobs.ts";
import type { LoadJob } from "../messages.ts";
import type { Client } from "./client.ts";
import { connectH2 } from "./h2-client.ts";
import { connectHttp1 } from "./http1-client.ts";
import { probe } from "./probe.ts";
import { processMeter, runCallers } from "./run.ts";

answerJobs(async (job: LoadJob) => {
  const client = await connect(job);
  try {
    // Garbage of the last job is not to be collected in the middle of this one.
    globalThis.gc?.();
    return await runCallers(client, job, processMeter);
  } finally {
    client.close();
  }
});

async function connect({ protocol, port, call, callers }: LoadJob): Promise<Client> {
  if (protocol === "http") return connectHttp1(port, call, callers);
  await probe(port, call, protocol === "grpc");
  return connectH2(port, call, callers);
}
