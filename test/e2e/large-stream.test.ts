// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

import { create, toBinary } from "@bufbuild/protobuf";
import test from "ava";

import { webFrame } from "../../pkg/endpoint/testdata/grpc-web.ts";
import { HTTP_CLIENTS } from "../../pkg/endpoint/testdata/http-clients.ts";
import { ActionResponseSchema } from "../../pkg/protocol/mod.ts";
import { startProxyProcess } from "../lib/processes.ts";
import { startScriptedUserFunction } from "../lib/scripted-user-function.ts";
import { line, lineReply, TALKS_SERVICE, talksSpec } from "../lib/talks.ts";

const MIB = 1_048_576;
const MESSAGE_BYTES = 131_072;

/** Most that the proxy's memory may grow by, in MiB. */
const MAX_GROWTH_MIB = 50;

/** The same at any one time: on a busy machine garbage may wait for a while until it is collected. */
const MAX_PEAK_MIB = 100;

/** A part of the whole after which the reader rests, so that everything before it fills up. */
const REST_EVERY_BYTES = 64 * MIB;
const REST_MS = 20;

/** How long it rests before it reads anything: a proxy that is not held takes hundreds of MiB in that time. */
const FIRST_REST_MS = 1_000;

/** By every protocol the same: `PERDURE_TEST_STREAM_MIB=1024` makes each of them as long as the first. */
const OTHERS_MIB = Number(process.env["PERDURE_TEST_STREAM_MIB"] ?? 256);

interface Way {
  readonly version: keyof typeof HTTP_CLIENTS;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  readonly totalMib: number;
}

const frame = webFrame(line("a"));
const web = { "content-type": "application/grpc-web+proto" };
const text = { "content-type": "application/grpc-web-text" };
const json = { "content-type": "application/json" };

const ways: Readonly<Record<string, Way>> = {
  gRPC: {
    version: "HTTP/2",
    headers: { "content-type": "application/grpc" },
    body: frame,
    totalMib: 1_024,
  },
  "gRPC-Web": { version: "HTTP/2", headers: web, body: frame, totalMib: OTHERS_MIB },
  "gRPC-Web over HTTP/1.1": { version: "HTTP/1.1", headers: web, body: frame, totalMib: OTHERS_MIB },
  "gRPC-Web as text": {
    version: "HTTP/1.1",
    headers: text,
    body: frame.toString("base64"),
    totalMib: OTHERS_MIB,
  },
  "lines of JSON": { version: "HTTP/1.1", headers: json, body: '{"text":"a"}', totalMib: OTHERS_MIB },
  "server-sent events": {
    version: "HTTP/2",
    headers: { ...json, accept: "text/event-stream" },
    body: '{"text":"a"}',
    totalMib: OTHERS_MIB,
  },
};

function residentMib(pid: number): number {
  const [, kib] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) / 1_024;
}

const measured = process.platform === "linux" ? test.serial : test.serial.skip;

for (const [name, { version, headers, body, totalMib }] of Object.entries(ways)) {
  measured(
    `${name}: ${totalMib} MiB to a reader that rests now and then do not fill the proxy's memory (I11)`,
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
            for (let sent = 0; sent < totalMib * MIB; sent += MESSAGE_BYTES) await call.sendBytes(answer);
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
      const path = `/${TALKS_SERVICE}/Recite`;
      const reply = await HTTP_CLIENTS[version](proxy.port, { method: "POST", path, headers, body });
      t.teardown(() => reply.leave());
      await delay(FIRST_REST_MS);
      const grownMib = [residentMib(proxy.pid) - beforeMib];
      let received = 0;
      let rested = 0;
      for await (const chunk of reply.body) {
        received += (chunk as Buffer).length;
        if (received - rested < REST_EVERY_BYTES) continue;
        rested = received;
        await delay(REST_MS);
        grownMib.push(residentMib(proxy.pid) - beforeMib);
      }
      t.true(received > totalMib * MIB, `${received} bytes came`);
      grownMib.sort((a, b) => a - b);
      const medianMib = Math.round(grownMib[grownMib.length >> 1] ?? 0);
      const peakMib = Math.round(grownMib.at(-1) ?? 0);
      const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
      t.log(`${Math.round(beforeMib)} MiB before, ${medianMib} MiB more, at most ${peakMib}; ${seconds} s`);
      t.true(medianMib < MAX_GROWTH_MIB, `it grew by ${medianMib} MiB`);
      t.true(peakMib < MAX_PEAK_MIB, `at most it was ${peakMib} MiB more`);
    },
  );
}
