// SPDX-License-Identifier: Apache-2.0

import type { Attack, Way } from "../attack.ts";
import { getRequest, grpcMessage, grpcRequest, PATHS } from "../wire/grpc.ts";
import { getBytes } from "../wire/http1.ts";
import { openH2Line, openLine, over } from "../wire/line.ts";
import { bookRequestBytes } from "../wire/messages.ts";
import { sideBySide } from "../wire/repeat.ts";
import { textFrame, upgradeRequest } from "../wire/websocket.ts";

/** Requests on each of these connections, 14 KB together; each reply has 3 MB. */
const REQUESTS = 400;
const CONNECTIONS = 2;
const PAGES = 60;
const PAGE_BYTES = 50_000;
const PATH = `/targets/attacked?pages=${PAGES}&pageBytes=${PAGE_BYTES}`;
const STREAM_PATH = `/books?pages=1&pageBytes=${PAGE_BYTES}`;

/** Streams without end, each on a connection of its own. */
const STREAMS = 400;

const streamIds = Array.from({ length: REQUESTS }, (_, index) => 1 + 2 * index);

const overLines =
  (bytes: () => Buffer, connections: number): Way =>
  async (target, tools) => {
    const all = bytes();
    await sideBySide(connections, async () => {
      const line = await openLine(target.port, tools, { unread: true });
      await line?.send(all);
    });
    await over(tools.signal);
  };

/** With a window of 0 the server may send only headers, so it has to hold every body. */
const overStreams =
  (requestOf: (streamId: number) => Buffer): Way =>
  async (target, tools) => {
    const all = Buffer.concat(streamIds.map(requestOf));
    await sideBySide(CONNECTIONS, async () => {
      const line = await openH2Line(target.port, tools, { windowBytes: 0 });
      await line?.send(all);
    });
    await over(tools.signal);
  };

export const attack: Attack = {
  name: "unread-replies",
  about: `${REQUESTS} requests for 3 MB on one connection, twice, and nothing is read`,
  // Whoever does not read is not read from; `left-alone` shows that it is closed in time.
  bounds: [],
  // All five at once mostly measure how fast the user function makes replies of 3 MB.
  shortWays: ["http1", "h2"],
  ways: {
    http1: overLines(() => Buffer.concat(streamIds.map(() => getBytes(PATH))), CONNECTIONS),
    h2: overStreams((streamId) => getRequest(PATH, streamId)),
    grpc: overStreams((streamId) => {
      const message = bookRequestBytes({ id: "attacked", pages: PAGES, pageBytes: PAGE_BYTES });
      return grpcRequest(PATHS.read, streamId, grpcMessage(message));
    }),
    websocket: overLines(() => {
      const letter = textFrame(
        Buffer.from(JSON.stringify({ wanted: { pages: PAGES, pageBytes: PAGE_BYTES } })),
      );
      return Buffer.concat([upgradeRequest(PATHS.chat), ...streamIds.map(() => letter)]);
    }, CONNECTIONS),
    sse: overLines(() => getBytes(STREAM_PATH, { accept: "text/event-stream" }), STREAMS),
  },
};
