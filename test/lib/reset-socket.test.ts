// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { connect, createServer } from "node:net";

import test from "ava";

import { resetSocket } from "./reset-socket.ts";

/** What a socket has done before it is reset, and what its peer hears then. One that read the end hears no more. */
const WAYS: readonly (readonly [title: string, act: (socket: Socket) => void, heard: string])[] = [
  ["nothing", () => {}, "ECONNRESET"],
  ["sent", (socket) => socket.write("some"), "ECONNRESET"],
  ["ended", (socket) => socket.end(), "end"],
  ["sent and ended", (socket) => socket.end("some"), "end"],
  // More than the system's buffers hold, so that the end waits for the reader.
  ["more than fits, and ended", (socket) => socket.end(Buffer.alloc(20_000_000)), "ECONNRESET"],
];

test("a socket is reset and closed, also while the end of its data is being sent", async (t) => {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, "127.0.0.1");
  t.teardown(() => server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  for (const [title, act, expected] of WAYS) {
    const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
    const [[peer]] = (await Promise.all([once(server, "connection"), once(socket, "connect")])) as [
      [Socket],
      unknown,
    ];
    const heard = new Promise<unknown>((resolve) => {
      peer.once("error", (error: NodeJS.ErrnoException) => resolve(error.code));
      peer.once("end", () => resolve("end"));
    });
    const closed = once(socket, "close");
    act(socket);
    resetSocket(socket);
    t.deepEqual(await closed, [false], `${title}: closed without an error`);
    peer.resume();
    t.is(await heard, expected, title);
    peer.destroy();
  }
});
