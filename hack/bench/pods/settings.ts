// SPDX-License-Identifier: Apache-2.0

import type { RunJob } from "../children.ts";
import type { BenchOptions } from "../options.ts";

/** What each part of a run with several pods is given. */
export interface PodsSettings extends Pick<BenchOptions, "callers" | "seconds" | "rounds" | "quick"> {
  /** How many share the entities of a service. */
  readonly pods: number;
  readonly loader: RunJob;
  /** For the servers of NATS. */
  readonly folder: string;
  readonly say: (text: string) => void;
}
