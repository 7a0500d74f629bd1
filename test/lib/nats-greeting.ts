// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { createServer } from "node:net";

import type { TestScope } from "./processes.ts";

/**
 * Simulates a NATS server of some version: it sends the greeting, accepts every client and answers only PING.
 * Building old servers for every test run would take too long, and a client sees a server's version only in the
 * greeting.
 *
 * @returns the port
 */
export async function greetAsNats(scope: TestScope, greeting: object): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.write(
      `INFO ${JSON.stringify({ server_id: "OLD", max_payload: 1_048_576, headers: true, ...greeting })} \r\n`,
    );
    socket.on("data", (data) => {
      if (data.toString("latin1").includes("PING")) socket.write("PONG\r\n");
    });
  });
  server.listen({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  scope.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}
