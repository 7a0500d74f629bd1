// SPDX-License-Identifier: Apache-2.0

import { createServer } from "node:net";
import type { AddressInfo } from "node:net";

import { randomBelow } from "./random.ts";
import type { Random } from "./random.ts";

/**
 * Below the ports that systems give to outgoing connections (from 32,768 on Linux): none of those can take the port
 * while its server is away for a restart, and whoever looks for that server cannot connect to itself.
 */
const FIRST = 20_000;
const COUNT = 12_000;
const TRIES = 50;

/** A port that nobody listens on now, for a server that has to come back on the same one. */
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
