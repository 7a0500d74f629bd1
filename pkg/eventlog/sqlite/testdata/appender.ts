// SPDX-License-Identifier: Apache-2.0

/**
 * A process that tests start and may kill. It opens the log at a path, prints `open`, then appends to the given
 * number of entities. The records of each entity are numbered from the end of its history, and `id number` is printed
 * for each acknowledgement. With a count it stops at that number of records of each entity, prints `done` and waits
 * to be killed. The last argument is the number of pages with which the write-ahead log is emptied.
 */

import * as fs from "node:fs";

import { NO_POSITION } from "../../event-log.ts";
import { openSqliteLog } from "../log.ts";

const [path = "", callers = "0", count = "Infinity", pages = "50"] = process.argv.slice(2);

const log = await openSqliteLog(path, { checkpointPages: Number(pages), maxWalPages: 2 * Number(pages) });
say("open");
await Promise.all(Array.from({ length: Number(callers) }, (_, index) => appendAll(`e${index}`)));
if (Number(callers) > 0) say("done");

async function appendAll(id: string): Promise<void> {
  const entity = { type: "cart", id };
  const { records } = await log.read(entity);
  let last = records.at(-1)?.position ?? NO_POSITION;
  for (let number = records.length; number < Number(count); number++) {
    last = await log.append(entity, last, new TextEncoder().encode(`${number}:${"x".repeat(number % 300)}`));
    say(`${id} ${number}`);
  }
}

/**
 * Writes synchronously, so that the line of an acknowledgement is out before the next line of code runs, even if the
 * process is then killed.
 */
function say(line: string): void {
  fs.writeSync(1, `${line}\n`);
}
