// SPDX-License-Identifier: Apache-2.0

import type { Children } from "./children.ts";
import type { JobProcess } from "./job-process.ts";
import type { LogPlace } from "./log-place.ts";
import type { LoadJob } from "./messages.ts";

/** What the footprint is measured with. */
export interface FootprintBench {
  readonly children: Children;
  readonly loader: JobProcess<LoadJob>;
  readonly place: LogPlace;
  /** Folder for the bundle and for compiled code. */
  readonly folder: string;
  readonly sizes: FootprintSizes;
  readonly say: (text: string) => void;
}

export interface FootprintSizes {
  readonly starts: number;
  readonly warmEntities: number;
  /** Events of the entities whose activation is timed. */
  readonly events: number;
  /** How many such entities. */
  readonly activations: number;
  readonly idleMs: number;
}

export const FULL: FootprintSizes = {
  starts: 7,
  warmEntities: 10_000,
  events: 1_000,
  activations: 9,
  idleMs: 1_500,
};
export const QUICK: FootprintSizes = {
  starts: 1,
  warmEntities: 200,
  events: 50,
  activations: 3,
  idleMs: 200,
};
