// SPDX-License-Identifier: Apache-2.0

import type { Connection } from "../../pkg/grpc/mod.ts";
import type { StreamOpener } from "../../pkg/userfunction/mod.ts";

/** The streams of a connection, for tests in which there is room for all of them. */
export function roomyStreams(connection: Pick<Connection, "open" | "unary">): StreamOpener {
  return {
    open: (path, handlers) => connection.open(path, handlers),
    unary: (path, bytes, options) => connection.unary(path, bytes, options),
    maxStreams: Number.POSITIVE_INFINITY,
    isCrowded: false,
    withRoom: (opening) => opening(),
    asked: () => undefined,
    heard: (stream) => {
      stream.isHeard = true;
    },
    over: () => undefined,
  };
}
