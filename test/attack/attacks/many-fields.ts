// SPDX-License-Identifier: Apache-2.0

import type { Attack, Way } from "../attack.ts";
import type { GrpcPath } from "../wire/grpc.ts";
import { grpcRequest, PATHS, packedGrpcMessage } from "../wire/grpc.ts";
import { postHead } from "../wire/http1.ts";
import { sendFrame } from "../wire/json-senders.ts";
import { openH2Line, openLine } from "../wire/line.ts";
import { emptyLinesBytes, unknownFieldsBytes } from "../wire/messages.ts";
import { again, pause } from "../wire/repeat.ts";
import { binaryFrame, upgradeRequest } from "../wire/websocket.ts";

/** Calls at the same time, over one connection. */
const CALLS = 4;
const MOST_ROUNDS = 200;
const FIELDS = 6_000_000;

/** From one round to the next, in milliseconds. */
const ROUND_MS = 200;

/**
 * Each message is 12 MB, and 12 KB packed. None of them reaches
 * the user function: a letter has no key, and a form has no id.
 */
const overGrpc =
  (path: GrpcPath, message: () => Buffer): Way =>
  async (target, tools) => {
    const packed = packedGrpcMessage(message());
    await again(MOST_ROUNDS, tools, async () => {
      const line = await openH2Line(target.port, tools);
      for (let call = 0; call < CALLS; call++) {
        await line?.send(grpcRequest(path, 1 + 2 * call, packed, "gzip"));
        tools.tally.add("messages");
      }
      await Promise.race([pause(ROUND_MS, tools.signal), line?.closed()]);
      line?.close();
    });
  };

const overGrpcWeb: Way = async (target, tools) => {
  const packed = packedGrpcMessage(unknownFieldsBytes(FIELDS));
  const headers = { "content-type": "application/grpc-web+proto", "grpc-encoding": "gzip" };
  const request = Buffer.concat([postHead(PATHS.send, packed.length, headers), packed]);
  await again(MOST_ROUNDS, tools, async () => {
    const line = await openLine(target.port, tools);
    for (let call = 0; call < CALLS; call++) {
      await line?.send(request);
      tools.tally.add("messages");
    }
    await Promise.race([pause(ROUND_MS, tools.signal), line?.closed()]);
    line?.close();
  });
};

const overWebSocket: Way = async (target, tools) => {
  const form = binaryFrame(emptyLinesBytes(FIELDS));
  await again(MOST_ROUNDS, tools, async () => {
    tools.tally.add("messages");
    await sendFrame(target, tools, upgradeRequest(PATHS.fill, "perdure.proto"), form);
  });
};

export const attack: Attack = {
  name: "many-fields",
  about:
    "messages with six million fields, in which the proxy looks for the entity key and for required fields",
  bounds: ["max-request-fields"],
  ways: {
    grpc: overGrpc(PATHS.send, () => unknownFieldsBytes(FIELDS)),
    "grpc-required": overGrpc(PATHS.fill, () => emptyLinesBytes(FIELDS)),
    "grpc-web": overGrpcWeb,
    websocket: overWebSocket,
  },
};
