// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";

import type { TestScope } from "./processes.ts";

/**
 * Greets as a NATS server of some version does, lets everybody in and answers nothing but PING. Old servers are too
 * dear to build for every run of the tests, and the greeting is all that a client sees of their age.
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
