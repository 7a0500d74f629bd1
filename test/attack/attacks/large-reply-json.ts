// SPDX-License-Identifier: Apache-2.0

import type { Attack, Tools, Way } from "../attack.ts";
import type { Target } from "../target.ts";
import { getRequest, PATHS } from "../wire/grpc.ts";
import { getBytes } from "../wire/http1.ts";
import type { Line } from "../wire/line.ts";
import { openH2Line, openLine } from "../wire/line.ts";
import { again, pause } from "../wire/repeat.ts";
import { textFrame, upgradeRequest } from "../wire/websocket.ts";

/** Two bytes each from the user function, 10 in JSON, and more than 100 as objects. */
const EMPTY_PAGES = 3_000_000;
const PATH = `/targets/attacked?emptyPages=${EMPTY_PAGES}`;
const MOST_REQUESTS = 200;
/** Longer than a proxy takes for the first bytes of a reply that it serves, in milliseconds. */
const REPLY_MS = 2_000;

type Ask = (target: Target, tools: Tools) => Promise<Line | undefined>;

/** Asks, waits for the first bytes of the reply, and goes away. */
const way =
  (ask: Ask): Way =>
  (target, tools) =>
    again(MOST_REQUESTS, tools, async () => {
      const line = await ask(target, tools);
      if (line === undefined) return;
      tools.tally.add("requests");
      const answered = new Promise((resolve) => line.socket.once("data", resolve));
      await Promise.race([answered, line.closed(), pause(REPLY_MS, tools.signal)]);
      line.close();
    });

export const attack: Attack = {
  name: "large-reply-json",
  about: "replies that are 6 MB from the user function and hundreds as JSON",
  bounds: ["max-json-values"],
  ways: {
    http1: way(async (target, tools) => {
      const line = await openLine(target.port, tools);
      await line?.send(getBytes(PATH));
      return line;
    }),
    h2: way(async (target, tools) => {
      const line = await openH2Line(target.port, tools);
      await line?.send(getRequest(PATH, 1));
      return line;
    }),
    websocket: way(async (target, tools) => {
      const line = await openLine(target.port, tools);
      await line?.send(upgradeRequest(PATHS.chat));
      if (line === undefined) return undefined;
      const accepted = new Promise((resolve) => line.socket.once("data", resolve));
      await Promise.race([accepted, line.closed()]);
      await line.send(textFrame(Buffer.from(JSON.stringify({ wanted: { emptyPages: EMPTY_PAGES } }))));
      return line;
    }),
  },
};
