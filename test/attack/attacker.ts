// SPDX-License-Identifier: Apache-2.0

/**
 * One process of an attack: `node attacker.ts ORDER`, where ORDER is an `AttackOrder` as JSON. It writes its counts
 * as a line of JSON every `REPORT_MS` and at the end. It exits with code 0 if the attack was made, whatever the proxy
 * did.
 */

import { setPriority } from "node:os";
import { setTimeout as delay } from "node:timers/promises";

import { systemClock } from "../../pkg/base/mod.ts";
import { seededRandom } from "../../pkg/base/test-doubles/mod.ts";

import type { Tools } from "./attack.ts";
import type { AttackOrder } from "./attackers.ts";
import { loadAttacks } from "./attacks.ts";
import { Tally } from "./tally.ts";

/**
 * Runs at a lower priority. A real attacker has machines of its own; here it gets only the CPU time that the others
 * leave.
 */
const NICE = 5;
const REPORT_MS = 500;
/** How long an attack may go on after its signal, in milliseconds. */
const END_TIMEOUT_MS = 10_000;

const { name, ways, target, seed, durationMs, share } = JSON.parse(process.argv[2] ?? "") as AttackOrder;
setPriority(NICE);
const attack = (await loadAttacks()).find((each) => each.name === name);
const made = ways.map((way) => attack?.ways[way]).filter((way) => way !== undefined);
if (made.length !== ways.length) throw new Error(`there is no attack ${name} by ${ways.join(", ")}`);

const tally = new Tally();
const report = (): void => console.log(JSON.stringify(tally.counts()));
const reporting = setInterval(report, REPORT_MS);
const timeIsUp = new AbortController();
const timer = setTimeout(() => timeIsUp.abort(), durationMs);
const tools: Tools = {
  random: seededRandom(seed),
  clock: systemClock,
  signal: timeIsUp.signal,
  tally,
  share,
};

const stuck = delay(durationMs + END_TIMEOUT_MS, undefined, { ref: false }).then(() => {
  throw new Error("the attack does not end by itself");
});
await Promise.race([Promise.all(made.map((way) => way(target, tools))), stuck]);
clearTimeout(timer);
clearInterval(reporting);
report();
process.exit(0);
