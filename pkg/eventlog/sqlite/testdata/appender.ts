// SPDX-License-Identifier: Apache-2.0

/**
 * Run by tests as a process that may be killed: opens the log at a path, prints `open`, then appends to as many
 * entities as it is told, each numbered from where its records end, and prints `id number` for each acknowledgement.
 */

import * as fs from "node:fs";

import { NO_POSITION } from "../../event-log.ts";
import { openSqliteLog } from "../log.ts";

const [path = "", callers = "0"] = process.argv.slice(2);

const log = await openSqliteLog(path, { checkpointPages: 50, maxWalPages: 100 });
say("open");
await Promise.all(Array.from({ length: Number(callers) }, (_, index) => appendForEver(`e${index}`)));

async function appendForEver(id: string): Promise<void> {
  const entity = { type: "cart", id };
  const { records } = await log.read(entity);
  let last = records.at(-1)?.position ?? NO_POSITION;
  for (let number = records.length; ; number++) {
    last = await log.append(entity, last, new TextEncoder().encode(`${number}:${"x".repeat(number % 300)}`));
    say(`${id} ${number}`);
  }
}

/** Written before the next line runs, so what was acknowledged has been said even if the process dies then. */
function say(line: string): void {
  fs.writeSync(1, `${line}\n`);
}
