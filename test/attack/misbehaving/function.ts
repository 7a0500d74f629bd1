// SPDX-License-Identifier: Apache-2.0

/**
 * A user function that misbehaves in the ways of the scripts beside it, each for its own entity ids. A counter with
 * any other id answers correctly. It writes counts of what it received as lines of JSON.
 */

import { systemClock } from "../../../pkg/base/mod.ts";

import { counterFunction } from "../../lib/counter-function.ts";
import { startScriptedUserFunction } from "../../lib/scripted-user-function.ts";
import { talksSpec } from "../../lib/talks.ts";
import { answerAction, answerEntity, isEndless } from "./endless-script.ts";
import { answerActionFlood, answerFlood, floodOf } from "./flood-script.ts";
import type { FunctionCounts } from "./function-counts.ts";
import { answerLoudly, isLoud } from "./loud-script.ts";

const REPORT_MS = 100;

let endless = 0;
const onEndless = (): void => void endless++;
const [endlessly, well] = [answerEntity(onEndless), counterFunction()];
const actEndlessly = answerAction(onEndless);

function answerOf(id: string) {
  if (isEndless(id)) return endlessly;
  if (isLoud(id)) return answerLoudly;
  return floodOf(id) === undefined ? well : answerFlood;
}

const userFunction = await startScriptedUserFunction({
  spec: talksSpec(),
  port: Number(process.env["PORT"]),
  onAction: (call) => {
    void answerActionFlood(call).then((isAnswered) => isAnswered || actEndlessly(call));
  },
  onMessage: (message, stream) => {
    const id = message.message.case === "command" ? message.message.value.entityId : "";
    answerOf(id)(message, stream);
  },
});

let last = "";
const report = (): void => {
  const counts: FunctionCounts = { endless, reports: userFunction.reports.length };
  const line = JSON.stringify(counts);
  if (line !== last) console.log(line);
  last = line;
  systemClock.schedule(REPORT_MS, report);
};
report();
