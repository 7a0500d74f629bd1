// SPDX-License-Identifier: Apache-2.0

import { gzipSync } from "node:zlib";

import type { Attack } from "../attack.ts";
import { grpcRequest, PATHS, packedGrpcMessage } from "../wire/grpc.ts";
import { postHead } from "../wire/http1.ts";
import { LETTERS_PATH } from "../wire/json-senders.ts";
import { openH2Line, openLine } from "../wire/line.ts";
import { LARGE_BYTES, letterBytes } from "../wire/messages.ts";
import { again, pause } from "../wire/repeat.ts";

/** Calls at the same time. Over gRPC and gRPC-Web they share one connection. */
const CALLS = 60;
const MOST_ROUNDS = 20;
/** From one round to the next, in milliseconds. */
const ROUND_MS = 1_000;

/** 12 KB on the wire. */
function packedLetter(): Buffer {
  return packedGrpcMessage(letterBytes({ id: "attacked", data: new Uint8Array(LARGE_BYTES) }));
}

/** The same as JSON. */
function packedJson(): Buffer {
  return gzipSync(`{"data":"${"A".repeat(LARGE_BYTES)}"}`);
}

export const attack: Attack = {
  name: "gzip-bomb",
  about: `${CALLS} calls with 12 KB of gzip, which are 12 MB each when unpacked, again and again`,
  bounds: ["max-buffered-bytes"],
  ways: {
    grpc: async (target, tools) => {
      const message = packedLetter();
      await again(MOST_ROUNDS, tools, async () => {
        const line = await openH2Line(target.port, tools);
        for (let call = 0; call < CALLS; call++) {
          await line?.send(grpcRequest(PATHS.send, 1 + 2 * call, message, "gzip"));
          tools.tally.add("requests");
        }
        await Promise.race([pause(ROUND_MS, tools.signal), line?.closed()]);
        line?.close();
      });
    },
    "grpc-web": async (target, tools) => {
      const message = packedLetter();
      const headers = { "content-type": "application/grpc-web+proto", "grpc-encoding": "gzip" };
      const request = Buffer.concat([postHead(PATHS.send, message.length, headers), message]);
      await again(MOST_ROUNDS, tools, async () => {
        const line = await openLine(target.port, tools);
        for (let call = 0; call < CALLS; call++) {
          await line?.send(request);
          tools.tally.add("requests");
        }
        await Promise.race([pause(ROUND_MS, tools.signal), line?.closed()]);
        line?.close();
      });
    },
    json: async (target, tools) => {
      const body = packedJson();
      const head = postHead(LETTERS_PATH, body.length, { "content-encoding": "gzip" });
      const request = Buffer.concat([head, body]);
      await again(MOST_ROUNDS, tools, async () => {
        const lines = await Promise.all(
          Array.from({ length: CALLS }, async () => {
            const line = await openLine(target.port, tools);
            await line?.send(request);
            tools.tally.add("requests");
            return line;
          }),
        );
        await pause(ROUND_MS, tools.signal);
        for (const line of lines) line?.close();
      });
    },
  },
};
