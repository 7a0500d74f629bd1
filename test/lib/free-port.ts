// SPDX-License-Identifier: Apache-2.0

import { createServer } from "node:net";

/** Below the ports that systems hand out by themselves, so that no outgoing connection takes one in the meantime. */
const FIRST = 15_000;
const LAST = 32_000;
const TRIES = 100;

/** A port that nobody uses now, for a process that has to come back on the same one. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port found in ${TRIES} tries`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host: "0.0.0.0", port }, () => server.close(() => resolve(true)));
  });
}
