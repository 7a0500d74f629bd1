// SPDX-License-Identifier: Apache-2.0

import { randomBelow } from "../../../pkg/base/mod.ts";
import { seededRandom } from "../../../pkg/base/test-doubles/mod.ts";

import type { NatsServer } from "../../../test/lib/nats/server.ts";
import { activationMs, eachOnce, untilLogIsRead } from "../entity-calls.ts";
import { Histogram } from "../histogram.ts";
import type { JobProcess } from "../job-process.ts";
import type { LoadJob } from "../messages.ts";
import { restartServer } from "./server.ts";

export interface RandomSizes {
  /** Number of random entities that only warm up, and of those that are timed. */
  readonly warmUp: number;
  readonly warm: number;
  /** Restarts of the server, and how many random entities are timed right after each. */
  readonly coldRounds: number;
  readonly coldPerRound: number;
}

export interface Quantiles {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

interface Bench {
  readonly loader: JobProcess<LoadJob>;
  readonly server: NatsServer;
  /** Port of the proxy. */
  readonly port: number;
  /** Number of entities that are filled. */
  readonly entities: number;
  readonly sizes: RandomSizes;
  readonly say: (text: string) => void;
}

/** So that the same entities are chosen in every run. */
const SEED = 4;

/** How long the first command of a random entity takes: one caller, in a proxy that runs all the time. */
export async function activateRandom(
  bench: Bench,
): Promise<{ readonly cold: Quantiles; readonly warm: Quantiles }> {
  const { loader, server, port, entities, sizes, say } = bench;
  const { warmUp, warm, coldRounds, coldPerRound } = sizes;
  const chosen = chooseRandom(entities, 2 * warmUp + warm + coldRounds * coldPerRound);
  const take = (count: number) => chosen.splice(0, count);
  const oneByOne = (what: string, some: readonly number[]) =>
    loader.run(what, { ...eachOnce(port, "getCart", some), callers: 1 });

  // Warms up the proxy's code first. The restart below removes what this has read from the server's memory.
  await oneByOne("warming up the proxy", take(warmUp));
  const histogram = new Histogram();
  for (let round = 1; round <= coldRounds; round++) {
    say(`random entities, cold: restart ${round} of ${coldRounds}`);
    await restartServer(server, "SIGTERM");
    await untilLogIsRead(loader, port);
    for (const entity of take(coldPerRound)) {
      histogram.record((await activationMs(loader, port, entity)) * 1_000);
    }
  }
  say("random entities, warm");
  await oneByOne("warming up the server", take(warmUp));
  const { calls, p50Us, p99Us } = await oneByOne("activating random entities", take(warm));
  return {
    cold: {
      count: histogram.count,
      p50Ms: histogram.quantileUs(0.5) / 1_000,
      p99Ms: histogram.quantileUs(0.99) / 1_000,
    },
    warm: { count: calls, p50Ms: p50Us / 1_000, p99Ms: p99Us / 1_000 },
  };
}

/** Chooses `count` different numbers below `below`, which must be much larger. */
function chooseRandom(below: number, count: number): number[] {
  const random = seededRandom(SEED);
  const chosen = new Set<number>();
  while (chosen.size < count) chosen.add(randomBelow(random, below));
  return [...chosen];
}
