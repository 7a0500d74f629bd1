// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";
import { connect } from "node:http2";
import { setTimeout as delay } from "node:timers/promises";

import { create, toBinary } from "@bufbuild/protobuf";
import test from "ava";

import { ActionResponseSchema } from "../../pkg/protocol/mod.ts";
import { startProxyProcess } from "../lib/processes.ts";
import { startScriptedUserFunction } from "../lib/scripted-user-function.ts";
import { line, lineReply, TALKS_SERVICE, talksSpec } from "../lib/talks.ts";

const MIB = 1_048_576;
const MESSAGE_BYTES = 131_072;
const TOTAL_BYTES = 1_024 * MIB;

/** Most that the proxy's memory may grow by, in MiB. */
const MAX_GROWTH_MIB = 50;

/** A part of the whole after which the reader rests, so that everything before it fills up. */
const REST_EVERY_BYTES = 64 * MIB;

function residentMib(pid: number): number {
  const [, kib] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) / 1_024;
}

const measured = process.platform === "linux" ? test : test.skip;

measured(
  "a stream of 1 GiB to a reader that rests now and then does not fill the proxy's memory (I11)",
  async (t) => {
    t.timeout(300_000);
    const answer = toBinary(
      ActionResponseSchema,
      create(ActionResponseSchema, lineReply(Buffer.alloc(MESSAGE_BYTES, 97))),
    );
    const userFunction = await startScriptedUserFunction({
      spec: talksSpec(),
      onAction: (call) =>
        void (async () => {
          for (let sent = 0; sent < TOTAL_BYTES; sent += MESSAGE_BYTES) await call.sendBytes(answer);
          call.end();
        })(),
    });
    t.teardown(() => userFunction.kill());
    const proxy = await startProxyProcess(t, {
      PERDURE_LOG: "memory:",
      USER_FUNCTION_PORT: userFunction.port,
    });
    await proxy.line("user function found", (text) => text.includes('"user function found"') || undefined);

    const session = connect(`http://127.0.0.1:${proxy.port}`);
    t.teardown(() => session.destroy());
    const request = line("a");
    const stream = session.request({
      ":method": "POST",
      ":path": `/${TALKS_SERVICE}/Recite`,
      "content-type": "application/grpc",
    });
    stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, request.length]), request]));

    const beforeMib = residentMib(proxy.pid);
    let mostMib = 0;
    let received = 0;
    let rested = 0;
    for await (const chunk of stream) {
      received += (chunk as Buffer).length;
      if (received - rested < REST_EVERY_BYTES) continue;
      rested = received;
      await delay(20);
      mostMib = Math.max(mostMib, residentMib(proxy.pid));
    }
    t.true(received > TOTAL_BYTES, `${received} bytes came`);
    const grownMib = Math.round(mostMib - beforeMib);
    t.log(`${Math.round(beforeMib)} MiB before, at most ${grownMib} MiB more`);
    t.true(grownMib < MAX_GROWTH_MIB, `it grew by ${grownMib} MiB`);
  },
);
