// SPDX-License-Identifier: Apache-2.0

import type { Attack, Way } from "../attack.ts";
import { PATHS } from "../wire/grpc.ts";
import { openLine, over } from "../wire/line.ts";
import { sideBySide } from "../wire/repeat.ts";
import { upgradeRequest } from "../wire/websocket.ts";

/** Connections, each with a text in almost as many fragments as `ws` takes. */
const CONNECTIONS = 500;
const FRAGMENTS = 16_300;

/** Loopback addresses that share the connections, because one address gets only a part of the open requests. */
const ADDRESSES = 4;

const FIRST = Buffer.from([0x01, 0x81, 0, 0, 0, 0, 0x20]);
const NEXT = Buffer.from([0x00, 0x81, 0, 0, 0, 0, 0x20]);

const websocket: Way = async (target, tools) => {
  const all = Buffer.concat([upgradeRequest(PATHS.chat), FIRST, Buffer.alloc(NEXT.length * FRAGMENTS, NEXT)]);
  await sideBySide(CONNECTIONS, async (index) => {
    const line = await openLine(target.port, tools, { from: `127.0.0.${1 + (index % ADDRESSES)}` });
    await line?.send(all);
  });
  await over(tools.signal);
};

export const attack: Attack = {
  name: "web-socket-pieces",
  about:
    "WebSocket messages that do not end, in fragments of one byte, each of which is an object and takes a microsecond",
  bounds: ["max-small-pieces"],
  ways: { websocket },
};
