// SPDX-License-Identifier: Apache-2.0

import { setTimeout as delay } from "node:timers/promises";

import { fromBinary } from "@bufbuild/protobuf";

import { systemClock } from "../../../pkg/base/mod.ts";
import { NO_POSITION, openEventLog } from "../../../pkg/eventlog/mod.ts";
import { CommitSchema } from "../../../pkg/protocol/mod.ts";
import { NO_TELEMETRY } from "../../../pkg/telemetry/mod.ts";

import { counterRequest } from "../../lib/counter.ts";
import { grpcCaller } from "../../lib/grpc-caller.ts";
import type { ProxyProcess, TestScope } from "../../lib/processes.ts";
import { startProxyProcess } from "../../lib/processes.ts";
import { startScriptedUserFunction } from "../../lib/scripted-user-function.ts";
import { talksSpec } from "../../lib/talks.ts";
import { until } from "../../lib/until.ts";
import type { EndlessShape } from "./endless-script.ts";
import { answerAction, answerEntity, FIRST_COUNTER } from "./endless-script.ts";
import type { LogVolume } from "./proxy-log.ts";
import { logVolume } from "./proxy-log.ts";

/**
 * Plan of a run with a buggy user function: each of its commands asks for itself again by a forward and by ten side
 * effects. One command is sent. The proxy is started three times on the same log. The first proxy is killed in the
 * middle of the commands that follow.
 */
export interface EndlessEffectsPlan {
  readonly shape: EndlessShape;
  /** The log, as `PERDURE_LOG` takes it; it outlives the proxy. */
  readonly address: string;
  /** The proxy is killed when the function has received this many commands. */
  readonly killAfter: number;
  /** How long each proxy is watched at most, in milliseconds. */
  readonly watchMs: number;
  /** Further variables of the proxy. */
  readonly env?: Readonly<Record<string, string | number>>;
}

/** What one proxy did. */
export interface EndlessEffectsRun extends LogVolume {
  /** Commands that the function received. */
  readonly commands: number;
  /** Texts that the function received by `reportError`. */
  readonly reports: readonly string[];
  /** Whether the commands stopped before the time was up. */
  readonly ended: boolean;
}

export interface EndlessEffectsOutcome {
  /** Before SIGKILL, after it, and after a stop in good order. */
  readonly runs: readonly [EndlessEffectsRun, EndlessEffectsRun, EndlessEffectsRun];
  /** Side effects that the log has of all entities. */
  readonly effects: number;
  /** Side effects among them that no record marks as done. */
  readonly undone: number;
}

/** The proxy retries after up to 5 s and a jitter. If no command comes for longer than that, none will follow. */
const QUIET_MS = 6_500;

export async function endlessEffects(
  scope: TestScope,
  plan: EndlessEffectsPlan,
): Promise<EndlessEffectsOutcome> {
  const { shape, address, killAfter, watchMs } = plan;
  let commands = 0;
  let lastMs = performance.now();
  const onCommand = (): void => {
    commands++;
    lastMs = performance.now();
  };
  const userFunction = await startScriptedUserFunction({
    spec: talksSpec(),
    onMessage: answerEntity(onCommand),
    onAction: answerAction(onCommand),
  });
  scope.teardown(() => userFunction.kill());

  const start = async (): Promise<ProxyProcess> => {
    commands = 0;
    userFunction.reports.length = 0;
    const env = { USER_FUNCTION_PORT: userFunction.port, PERDURE_LOG: address, ...plan.env };
    const proxy = await startProxyProcess(scope, env);
    await proxy.ready();
    lastMs = performance.now();
    return proxy;
  };
  const end = async (
    proxy: ProxyProcess,
    signal: "SIGKILL" | "SIGTERM",
    ended: boolean,
  ): Promise<EndlessEffectsRun> => {
    await proxy.kill(signal);
    return { ...logVolume(proxy), commands, reports: [...userFunction.reports], ended };
  };
  const watch = async (): Promise<boolean> => {
    const endMs = performance.now() + watchMs;
    for (;;) {
      const nowMs = performance.now();
      if (nowMs - lastMs > QUIET_MS) return true;
      if (nowMs > endMs) return false;
      await delay(10);
    }
  };

  const first = await start();
  const client = grpcCaller(first.port);
  const answered = client
    .callBytes("/perdure.test.Counter/Add", counterRequest(FIRST_COUNTER[shape], 1))
    .catch(() => undefined);
  await until("the function has got enough commands", () => commands >= killAfter, watchMs);
  const before = await end(first, "SIGKILL", false);
  await answered;
  client.close();

  const second = await start();
  const after = await end(second, "SIGTERM", await watch());
  const third = await start();
  const rest = await end(third, "SIGTERM", await watch());
  return { runs: [before, after, rest], ...(await countEffects(address)) };
}

/** Counts the side effects of all entities in the log. */
async function countEffects(address: string): Promise<{ readonly effects: number; readonly undone: number }> {
  const log = await openEventLog(address, { clock: systemClock, telemetry: NO_TELEMETRY });
  try {
    let effects = 0;
    let undone = 0;
    for await (const id of log.list("counter")) {
      let last = 0;
      let done = 0;
      for (let after = NO_POSITION; ; ) {
        const page = await log.read({ type: "counter", id }, after);
        for (const { bytes } of page.records) {
          const commit = fromBinary(CommitSchema, bytes);
          if (commit.sideEffects.length > 0)
            last = Number(commit.firstEffect) + commit.sideEffects.length - 1;
          done = Math.max(done, Number(commit.effectsDone));
        }
        const newest = page.records.at(-1);
        if (page.end || newest === undefined) break;
        after = newest.position;
      }
      effects += last;
      undone += last - done;
    }
    return { effects, undone };
  } finally {
    await log.close();
  }
}
