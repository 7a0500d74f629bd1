// SPDX-License-Identifier: Apache-2.0

import { connect } from "node:http2";
import type { ClientHttp2Session } from "node:http2";
import { connect as connectTcp } from "node:net";

import { HOST } from "../attack.ts";
import type { Tools } from "../attack.ts";

import { onAbort } from "./on-abort.ts";

/** A client of HTTP/2 that keeps to the windows that it is given, as large messages need it. */
export interface H2Session {
  readonly session: ClientHttp2Session;
  /** Resolves when it is gone. */
  readonly closed: Promise<void>;
  /** Ends it at once. `session.destroy()` waits until the peer has read what was written. */
  close(): void;
}

/** Opens one. Nothing that happens to it is an error, and it is gone when the attack is over. */
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
