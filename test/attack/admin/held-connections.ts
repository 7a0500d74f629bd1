// SPDX-License-Identifier: Apache-2.0

import type { Socket } from "node:net";
import { connect } from "node:net";

export interface AdminConnectionsReport {
  /** Connections that were opened. */
  readonly opened: number;
  /** Connections that were still open at the end. */
  readonly left: number;
}

/** Connections that are being opened at the same time. */
const AT_ONCE = 200;

/** Opens connections to the admin port and sends half a request on each, and holds them until `release` is called. */
export async function holdAdminConnections(
  adminPort: number,
  count: number,
): Promise<{ report(): AdminConnectionsReport; release(): void }> {
  const sockets = new Set<Socket>();
  let opened = 0;
  const openOne = (): Promise<void> =>
    new Promise((resolve) => {
      const socket = connect(adminPort, "127.0.0.1");
      socket.on("error", () => undefined);
      socket.on("connect", () => {
        opened++;
        sockets.add(socket);
        socket.write("GET /livez HTTP/1.1\r\nhost: x\r\n");
        resolve();
      });
      socket.on("close", () => {
        sockets.delete(socket);
        resolve();
      });
    });
  for (let begun = 0; begun < count; begun += AT_ONCE)
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - begun) }, openOne));
  return {
    report: () => ({ opened, left: sockets.size }),
    release: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}
