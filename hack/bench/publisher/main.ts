// SPDX-License-Identifier: Apache-2.0
// A process that adds records to entities in NATS JetStream and does nothing else: `node main.ts bare|own`. Each way
// has its own process, so that no code is compiled for the other way's use.

import { answerJobs } from "../answer-jobs.ts";
import type { Caller } from "../loader/client.ts";
import { processMeter, runCallers } from "../loader/run.ts";
import type { PublishJob } from "../messages.ts";
import { connectBare } from "./bare.ts";
import { connectOwn } from "./own.ts";

const connect = process.argv[2] === "own" ? connectOwn : connectBare;

/** Publishers by the log's address. They are kept, because they know the position of each entity's last record. */
const connected = new Map<string, Caller>();

answerJobs(async (job: PublishJob) => {
  const caller = connected.get(job.log) ?? (await connect(job.log));
  connected.set(job.log, caller);
  // Garbage of the last job is not to be collected in the middle of this one.
  globalThis.gc?.();
  return runCallers(caller, job, processMeter);
});
