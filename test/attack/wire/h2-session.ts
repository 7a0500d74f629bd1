// SPDX-License-Identifier: Apache-2.0

import type { ClientHttp2Session } from "node:http2";
import { connect } from "node:http2";
import { connect as connectTcp } from "node:net";

import type { Tools } from "../attack.ts";
import { HOST } from "../target.ts";
import { onAbort } from "./on-abort.ts";

/** An HTTP/2 client that respects flow control windows, as large messages require. */
export interface H2Session {
  readonly session: ClientHttp2Session;
  /** Resolves when the connection is closed. */
  readonly closed: Promise<void>;
  /** Closes it at once. `session.destroy()` would wait until the peer has read everything that was written. */
  close(): void;
}

/** Opens a session. Its errors are ignored. It is closed when the attack is over. */
export function openH2Session(port: number, { signal, tally }: Tools): H2Session {
  const socket = connectTcp({ host: HOST, port, noDelay: true });
  const session = connect(`http://${HOST}:${port}`, { createConnection: () => socket });
  const forget = onAbort(signal, () => socket.destroy());
  session.on("connect", () => tally.add("connections"));
  session.on("error", () => undefined);
  const closed = new Promise<void>((resolve) => {
    socket.on("close", () => {
      forget();
      session.destroy();
      resolve();
    });
  });
  return { session, closed, close: () => void socket.destroy() };
}
