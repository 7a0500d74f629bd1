// SPDX-License-Identifier: Apache-2.0

import type { AddressInfo, ListenOptions, Server, Socket } from "node:net";
import { createServer } from "node:net";

/** Number of sockets that listen on one port. */
const COUNT = 8;

/**
 * Length of each socket's accept queue, in connections. The system caps it at its own bound (`somaxconn`, mostly
 * 4,096).
 */
const BACKLOG = 4_096;

/** Most attempts to listen on any free port (port 0): another process may take the port after it was found free. */
const MAX_TRIES = 5;

export interface Address {
  /** 0 takes any free port. */
  readonly port: number;
  /** Undefined: every address of the machine. */
  readonly host: string | undefined;
}

/** The sockets beside the first one. */
export interface Acceptors {
  /** Stops accepting. Resolves when the last of their connections has closed. */
  close(): Promise<void>;
}

/**
 * Listens on one port with several sockets, among which Linux distributes new connections (`SO_REUSEPORT`). Other
 * systems get one socket. Node accepts one connection per socket in each turn of its event loop. With a single
 * socket, a caller that opens connections as fast as it can would delay all other new connections for seconds,
 * because each connection of the flood takes a turn first.
 *
 * @param first must already have its own listener for connections.
 * @param onConnection gets the connections that the other sockets accept.
 * @throws Node's error if the port cannot be bound, also if another process listens on it with `SO_REUSEPORT`, or is
 * about to.
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
    // Bind the port once without `SO_REUSEPORT` first, because sockets with it would also share the port with another
    // process.
    const port = await boundPort(address);
    const lock = createServer((socket) => void socket.destroy());
    const others = Array.from({ length: COUNT - 1 }, () =>
      createServer({ allowHalfOpen: true, noDelay: true }, onConnection),
    );
    try {
      // Two processes may both have found the port free. Without the lock they would share it from here on.
      await bind(lock, { path: lockName(port, address.host) });
      lock.unref();
      for (const server of [first, ...others])
        await bind(server, { port, host: address.host, backlog: BACKLOG, reusePort: true });
      return { close: async () => void (await Promise.all([lock, ...others].map(close))) };
    } catch (error) {
      await Promise.all([lock, first, ...others].map(close));
      if (address.port !== 0 || tries === MAX_TRIES) throw error;
    }
  }
}

/**
 * The name of an abstract socket (unix(7)). Only one process of a network namespace can hold a name, and the kernel
 * frees it when the process ends.
 */
function lockName(port: number, host = "*"): string {
  return `\0perdure/port/${host}/${port}`;
}

/** The port that a server at this address gets, which is free again. @throws Node's error if it cannot be bound. */
export async function boundPort(address: Address): Promise<number> {
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
