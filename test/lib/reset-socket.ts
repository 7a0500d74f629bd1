// SPDX-License-Identifier: Apache-2.0

import type { Socket } from "node:net";

/**
 * Ends a connection by an RST. Use it in place of `Socket.resetAndDestroy`, which fails with `EINVAL` while the end of
 * the data is being sent, because libuv refuses to reset such a socket (`uv_tcp_close_reset`). Node then never closes
 * it, and a worker thread that has one never ends. So such a socket is reset one turn of the event loop later.
 */
export function resetSocket(socket: Socket): void {
  if (socket.destroyed) return;
  if (socket.writableEnded && !socket.writableFinished) setImmediate(() => socket.resetAndDestroy());
  else socket.resetAndDestroy();
}
