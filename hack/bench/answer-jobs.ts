// SPDX-License-Identifier: Apache-2.0

import type { Load, LoadAnswer } from "./messages.ts";

/** Takes one job after the other from the parent, of the kind that its `JobProcess` gives, and ends with it. */
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
