// SPDX-License-Identifier: Apache-2.0

import type { ChildProcess } from "node:child_process";

import type { Children } from "./children.ts";
import { nextMessage } from "./children.ts";
import type { Job, Load, LoadAnswer, LoadJob, PublisherName, PublishJob } from "./messages.ts";

const LOADER = new URL("./loader/main.ts", import.meta.url);
const PUBLISHER = new URL("./publisher/main.ts", import.meta.url);

/** How long an answer may take beyond the time of the job itself, in milliseconds. */
const JOB_TIMEOUT_MS = 60_000;

/** The process that makes requests. */
export function startLoader(children: Children): JobProcess<LoadJob> {
  return new JobProcess(children, children.fork(LOADER));
}

/** A process that publishes records. */
export function startPublisher(children: Children, name: PublisherName): JobProcess<PublishJob> {
  return new JobProcess(children, children.fork(PUBLISHER, [name]));
}

/** A process that makes calls (`answerJobs`). One job at a time. */
export class JobProcess<J extends Job> {
  readonly #children: Children;
  readonly #child: ChildProcess;

  constructor(children: Children, child: ChildProcess) {
    this.#children = children;
    this.#child = child;
  }

  /** Runs a job. Rejects if a single call of the job fails, because figures with errors in them mean nothing. */
  async run(what: string, job: J): Promise<Load> {
    const jobMs = job.until.kind === "time" ? job.until.warmUpMs + job.until.measureMs : 0;
    // A process that does not answer in time is killed, and its end rejects the job.
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), JOB_TIMEOUT_MS + jobMs);
    const answer = nextMessage(this.#child);
    this.#child.send(job);
    try {
      const message = (await answer) as LoadAnswer;
      if ("error" in message) throw new Error(message.error);
      return message.load;
    } catch (error) {
      throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  stop(): Promise<void> {
    return this.#children.stop(this.#child);
  }
}
