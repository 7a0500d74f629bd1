// SPDX-License-Identifier: Apache-2.0

import { createServer } from "node:net";
import type { AddressInfo, ListenOptions, Server, Socket } from "node:net";

/** Sockets that listen on one port. */
const COUNT = 8;

/**
 * Connections that the system keeps for each of them until they are accepted; it takes no more than its own bound
 * (`somaxconn`, mostly 4,096).
 */
const BACKLOG = 4_096;

/** Where any port will do, another process may take the one that was found free. */
const MAX_TRIES = 5;

export interface Address {
  /** 0 takes any free port. */
  readonly port: number;
  /** Undefined: every address of the machine. */
  readonly host: string | undefined;
}

/** The sockets beside the first one. */
export interface Acceptors {
  /** Accepts no more. Resolves when their last connection is gone. */
  close(): Promise<void>;
}

/**
 * Listens on one port with several sockets, among which Linux divides new connections (`SO_REUSEPORT`). Node accepts one
 * connection of a socket in each turn of its event loop: with one socket, a caller who opens connections as fast as it
 * can keeps all new ones waiting for seconds, because each of the flood takes a turn first. Elsewhere there is one socket.
 *
 * @param first has its own listener for connections.
 * @param onConnection takes the connections of the others.
 * @throws what Node throws if the port cannot be had, also where only a process with such sockets has it.
 */
export async function listenTogether(
  first: Server,
  address: Address,
  onConnection: (socket: Socket) => void,
): Promise<Acceptors> {
  if (process.platform !== "linux") {
    await bind(first, { ...address, backlog: BACKLOG });
    return { close: () => Promise.resolve() };
  }
  for (let tries = 1; ; tries++) {
    // Sockets that share a port would share it with those of another process too, so it has to be free for one alone.
    const port = await freePort(address);
    const others = Array.from({ length: COUNT - 1 }, () =>
      createServer({ allowHalfOpen: true, noDelay: true }, onConnection),
    );
    try {
      for (const server of [first, ...others])
        await bind(server, { port, host: address.host, backlog: BACKLOG, reusePort: true });
      return { close: async () => void (await Promise.all(others.map(close))) };
    } catch (error) {
      await Promise.all([first, ...others].map(close));
      if (address.port !== 0 || tries === MAX_TRIES) throw error;
    }
  }
}

async function freePort(address: Address): Promise<number> {
  const server = createServer();
  await bind(server, address);
  const { port } = server.address() as AddressInfo;
  await close(server);
  return port;
}

function bind(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(options, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => void server.close(() => resolve()));
}
