// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

import { create, toBinary } from "@bufbuild/protobuf";
import test from "ava";

import { ActionResponseSchema } from "../../pkg/protocol/mod.ts";

import { bySize } from "../lib/by-size.ts";
import { startProxyProcess } from "../lib/processes.ts";
import { startScriptedUserFunction } from "../lib/scripted-user-function.ts";
import { recite, STREAM_WAYS } from "../lib/stream-ways.ts";
import { lineReply, talksSpec } from "../lib/talks.ts";

const MIB = 1_048_576;
/** Small enough that V8 does not treat it as a large object, because it collects those late. */
const MESSAGE_BYTES = 65_536;

/** Most that the proxy's memory may grow by, in MiB. */
const MAX_GROWTH_MIB = 50;

/** Messages of this size are converted to JSON in a thread (ADR 13): what that takes, once, in MiB. */
const THREAD_MIB = 30;
const JSON_WAYS: readonly string[] = ["lines of JSON", "server-sent events", "WebSocket"];

/** A part of the whole after which the reader rests, so that everything before it fills up. */
const REST_EVERY_BYTES = 64 * MIB;
const REST_MS = 20;

/** Before it reads anything, the reader waits until the user function has not sent anything for this long. */
const QUIET_MS = 300;

/** Of each stream, in MiB: more than the memory may grow by. */
const TOTAL_MIB = bySize({ full: 1_024, short: 96 });

function residentMib(pid: number): number {
  const [, kib] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) / 1_024;
}

const measured = process.platform === "linux" ? test.serial : test.serial.skip;

// The short run leaves out half of the ways, because each takes seconds.
const WAYS = STREAM_WAYS.filter((_, index) => bySize({ full: true, short: index % 2 === 0 }));

for (const way of WAYS) {
  measured(
    `${way}: ${TOTAL_MIB} MiB to a reader that rests now and then do not fill the proxy's memory (I11)`,
    async (t) => {
      t.timeout(300_000);
      const answer = toBinary(
        ActionResponseSchema,
        create(ActionResponseSchema, lineReply(Buffer.alloc(MESSAGE_BYTES, 97))),
      );
      let sentBytes = 0;
      const userFunction = await startScriptedUserFunction({
        spec: talksSpec(),
        onAction: (call) =>
          void (async () => {
            for (; sentBytes < TOTAL_MIB * MIB; sentBytes += MESSAGE_BYTES) await call.sendBytes(answer);
            call.end();
          })(),
      });
      t.teardown(() => userFunction.kill());
      const proxy = await startProxyProcess(t, {
        PERDURE_LOG: "memory:",
        USER_FUNCTION_PORT: userFunction.port,
      });
      await proxy.line("user function found", (said) => said.includes('"user function found"') || undefined);

      const beforeMib = residentMib(proxy.pid);
      const startedMs = performance.now();
      const reply = await recite(proxy.port, way);
      t.teardown(() => reply.leave());
      for (let before = -1; before !== sentBytes; await delay(QUIET_MS)) before = sentBytes;
      t.true(sentBytes < MAX_GROWTH_MIB * MIB, `${sentBytes} bytes were sent to a reader that reads nothing`);
      let mostMib = residentMib(proxy.pid);
      let received = 0;
      let rested = 0;
      for await (const chunk of reply.body) {
        received += (chunk as Buffer).length;
        if (received - rested < REST_EVERY_BYTES) continue;
        rested = received;
        await delay(REST_MS);
        mostMib = Math.max(mostMib, residentMib(proxy.pid));
      }
      t.true(received > TOTAL_MIB * MIB, `${received} bytes came`);
      const grownMib = Math.round(mostMib - beforeMib);
      const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
      t.log(`${Math.round(beforeMib)} MiB before, at most ${grownMib} MiB more; ${seconds} s`);
      const mayGrowMib = MAX_GROWTH_MIB + (JSON_WAYS.includes(way) ? THREAD_MIB : 0);
      t.true(grownMib < mayGrowMib, `it grew by ${grownMib} MiB`);
    },
  );
}
