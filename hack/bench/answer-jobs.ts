// SPDX-License-Identifier: Apache-2.0

import type { Load, LoadAnswer } from "./messages.ts";

/**
 * Runs the jobs that the parent's `JobProcess` sends, one after the other, and answers each. The process ends when
 * the parent does.
 */
export function answerJobs(work: (job: never) => Promise<Load>): void {
  process.on("disconnect", () => process.exit(0));
  process.on("message", (job) => {
    void work(job as never).then(
      (load) => answer({ load }),
      (error: unknown) => answer({ error: String(error) }),
    );
  });
}

function answer(message: LoadAnswer): void {
  process.send?.(message);
}
