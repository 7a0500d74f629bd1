// SPDX-License-Identifier: Apache-2.0

import type { ChildProcess } from "node:child_process";

import { nextMessage } from "./children.ts";
import type { Children } from "./children.ts";
import type { Load, LoadAnswer, LoadJob } from "./messages.ts";

/** Beyond the time that a job itself takes. */
const JOB_TIMEOUT_MS = 60_000;

/** The process that makes the calls. One job at a time. */
export class LoaderProcess {
  readonly #child: ChildProcess;

  constructor(children: Children) {
    this.#child = children.fork(new URL("./loader/main.ts", import.meta.url));
  }

  /** Rejects if a single call of the job was not answered well: figures with errors in them mean nothing. */
  async run(what: string, job: LoadJob): Promise<Load> {
    const jobMs = job.until.kind === "time" ? job.until.warmUpMs + job.until.measureMs : 0;
    // Whoever does not answer is not waited for: its end is the job's end.
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), JOB_TIMEOUT_MS + jobMs);
    const answer = nextMessage(this.#child);
    this.#child.send(job);
    try {
      const message = (await answer) as LoadAnswer;
      if ("error" in message) throw new Error(message.error);
      if (message.load.calls === 0) throw new Error("no call was both begun and answered in time");
      return message.load;
    } catch (error) {
      throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }
}
