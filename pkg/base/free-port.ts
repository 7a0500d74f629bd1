// SPDX-License-Identifier: Apache-2.0

import type { AddressInfo } from "node:net";
import { createServer } from "node:net";

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

/** A port that no process listens on now, for a server that must be able to restart on the same port. */
export async function freePort(host: string, random: Random): Promise<number> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const found = await tryPort(host, FIRST + randomBelow(random, COUNT));
    if (found !== undefined) return found;
  }
  return (await tryPort(host, 0)) ?? 0;
}

/** Whether a server could listen there now. */
export async function isFreePort(host: string, port: number): Promise<boolean> {
  return (await tryPort(host, port)) !== undefined;
}

function tryPort(host: string, port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen({ host, port, exclusive: true }, () => {
      const { port: taken } = server.address() as AddressInfo;
      server.close(() => resolve(taken));
    });
  });
}
