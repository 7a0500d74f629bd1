// SPDX-License-Identifier: Apache-2.0

import { activationMs, checkCart, eachOnce, untilLogIsRead } from "./entity-calls.ts";
import type { FootprintBench } from "./footprint-bench.ts";
import type { LoadJob } from "./messages.ts";
import { range } from "./messages.ts";
import { startProxyProcess } from "./proxy-process.ts";
import { startUserFunction } from "./servers.ts";
import { median } from "./statistics.ts";

/** What the proxy must read to activate an entity. */
interface ActivationWay {
  readonly name: string;
  /** Whether most events need not be replayed, because a snapshot holds them. */
  readonly isPacked: boolean;
  /** Events between two snapshots of the user function; 0 is never. */
  readonly snapshotEvery: number;
}

function activationWays(events: number): readonly ActivationWay[] {
  return [
    // A tenth of the events follows the last snapshot.
    { name: "packed", isPacked: true, snapshotEvery: Math.floor(events * 0.9) },
    { name: "unpacked", isPacked: false, snapshotEvery: 0 },
  ];
}

/** How long the first command of an entity takes in a proxy that was restarted. */
export interface Activation {
  /** Name of the `ActivationWay` and, after a comma, the state of the log's server (warm or cold), if it has one. */
  readonly way: string;
  readonly isPacked: boolean;
  /** The median over several entities, each of which is activated once, while nothing else happens. */
  readonly ms: number;
}

/**
 * Measures activations. *Warm*: other entities of the same age were activated just before. *Cold*: the log's server
 * was restarted before each activation; its files are then still in the system's cache.
 */
export async function measureActivations(bench: FootprintBench): Promise<Activation[]> {
  const activations: Activation[] = [];
  for (const way of activationWays(bench.sizes.events)) activations.push(...(await measureWay(bench, way)));
  return activations;
}

async function measureWay(
  { children, loader, place, sizes, say }: FootprintBench,
  { name, isPacked, snapshotEvery }: ActivationWay,
): Promise<Activation[]> {
  const { events, activations } = sizes;
  const userFunction = await startUserFunction(children, snapshotEvery);
  const log = await place.newLog(`activation-${name}`);
  const start = () => startProxyProcess(children, { log, userFunctionPort: userFunction.entityPort });
  const isCold = place.restartServer !== undefined;

  say(`activation, ${name}: writing histories`);
  const writing = await start();
  const history: LoadJob = {
    ...eachOnce(writing.port, "addItem", range(0, (isCold ? 3 : 2) * activations)),
    until: { kind: "calls", perEntity: events },
  };
  await loader.run("writing histories", history);
  // Killed, because in an orderly end the proxy could write more than this way is about.
  await writing.kill();

  const proxy = await start();
  // The first entities warm up the code.
  await loader.run("warming up activation", eachOnce(proxy.port, "getCart", range(0, activations)));
  say(`activation, ${name}`);
  const warmMs: number[] = [];
  for (const entity of range(activations, activations)) {
    warmMs.push(await activationMs(loader, proxy.port, entity));
  }
  await checkCart(proxy.port, activations, events);
  const coldMs: number[] = [];
  if (place.restartServer !== undefined) {
    for (const entity of range(2 * activations, activations)) {
      say(`activation, ${name}, cold: ${coldMs.length + 1} of ${activations}`);
      await place.restartServer();
      await untilLogIsRead(loader, proxy.port);
      coldMs.push(await activationMs(loader, proxy.port, entity));
    }
  }
  await proxy.stop();
  await userFunction.stop();
  if (!isCold) return [{ way: name, isPacked, ms: median(warmMs) }];
  return [
    { way: `${name}, warm`, isPacked, ms: median(warmMs) },
    { way: `${name}, cold`, isPacked, ms: median(coldMs) },
  ];
}
