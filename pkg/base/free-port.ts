// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import { connect } from "node:net";
import { threadId } from "node:worker_threads";

import { boundPort } from "./acceptors.ts";
import type { Random } from "./random.ts";
import { randomBelow } from "./random.ts";

/**
 * The lowest port to try. The range lies below the ports that systems assign to outgoing connections (from 32,768 on
 * Linux), so that no such connection takes the port while its server restarts, and no client of that server connects
 * to itself.
 */
const FIRST = 20_000;
const COUNT = 12_000;
const TRIES = 50;

/**
 * Each thread takes ports of a lane, so that two threads of a process do not find the same port free before one of them
 * listens there. Threads that run at the same time have ids that are close to each other. Other processes mostly have
 * other lanes.
 */
const LANES = 60;
const IN_LANE = COUNT / LANES;
const LANE = (process.pid + threadId) % LANES;

/** Ports that this thread got, which are not given again soon, because nobody may listen there yet. */
const given = new Set<number>();

/**
 * A port that no process listens on now, for a server that must be able to restart on the same port. It is not bound to
 * find that out: if another thread of ours starts a process meanwhile, that process has a copy of our socket until it
 * runs its own program, so that the port would not be free for some milliseconds after we closed it.
 */
export async function freePort(host: string, random: Random): Promise<number> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const port = FIRST + LANE + LANES * randomBelow(random, IN_LANE);
    if (given.has(port)) continue;
    given.add(port);
    if (given.size > IN_LANE / 2) given.clear();
    if (!(await canConnect(host, port))) return port;
  }
  return (await tryPort(host, 0)) ?? 0;
}

/** Whether a server could listen there now. */
export async function isFreePort(host: string, port: number): Promise<boolean> {
  return (await tryPort(host, port)) !== undefined;
}

/** Whether a server accepts connections there now. */
export async function canConnect(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port });
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function tryPort(host: string, port: number): Promise<number | undefined> {
  return boundPort({ host, port }).catch(() => undefined);
}
