// SPDX-License-Identifier: Apache-2.0

import type { Attack, Tools, Way } from "../attack.ts";
import type { GrpcPath } from "../wire/grpc.ts";
import { grpcRequest, PATHS, packedGrpcMessage } from "../wire/grpc.ts";
import { postHead } from "../wire/http1.ts";
import { sendFrame } from "../wire/json-senders.ts";
import type { Line } from "../wire/line.ts";
import { openH2Line, openLine } from "../wire/line.ts";
import { emptyLinesBytes, unknownFieldsBytes } from "../wire/messages.ts";
import { again, pause, sideBySide } from "../wire/repeat.ts";
import { binaryFrame, upgradeRequest } from "../wire/websocket.ts";

/** Side by side, because the requests of one connection get only its share of the proxy. */
const CONNECTIONS = 3;
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
    await rounds(tools, async () => {
      const line = await openH2Line(target.port, tools);
      for (let call = 0; call < CALLS; call++) {
        await line?.send(grpcRequest(path, 1 + 2 * call, packed, "gzip"));
        tools.tally.add("messages");
      }
      return line;
    });
  };

const overGrpcWeb: Way = async (target, tools) => {
  const packed = packedGrpcMessage(unknownFieldsBytes(FIELDS));
  const headers = { "content-type": "application/grpc-web+proto", "grpc-encoding": "gzip" };
  const request = Buffer.concat([postHead(PATHS.send, packed.length, headers), packed]);
  await rounds(tools, async () => {
    const line = await openLine(target.port, tools);
    for (let call = 0; call < CALLS; call++) {
      await line?.send(request);
      tools.tally.add("messages");
    }
    return line;
  });
};

const overWebSocket: Way = async (target, tools) => {
  const form = binaryFrame(emptyLinesBytes(FIELDS));
  await sideBySide(CONNECTIONS, () =>
    again(MOST_ROUNDS, tools, async () => {
      tools.tally.add("messages");
      await sendFrame(target, tools, upgradeRequest(PATHS.fill, "perdure.proto"), form);
    }),
  );
};

/** On each connection, again and again: opens a line with requests on it, and closes it when they were carried out. */
async function rounds(tools: Tools, open: () => Promise<Line | undefined>): Promise<void> {
  await sideBySide(CONNECTIONS, () =>
    again(MOST_ROUNDS, tools, async () => {
      const line = await open();
      await Promise.race([pause(ROUND_MS, tools.signal), line?.closed()]);
      line?.close();
    }),
  );
}

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
