// SPDX-License-Identifier: Apache-2.0

/** A nats-server, or a cluster of them, for development: `node hack/nats/main.ts --help`. */

import { once } from "node:events";
import { resolve } from "node:path";

import { Command, InvalidArgumentError } from "commander";

import { startNatsCluster } from "../../test/lib/nats/cluster.ts";
import { startNatsServer } from "../../test/lib/nats/server.ts";

interface Flags {
  readonly cluster: number;
  readonly port: number;
  readonly store?: string;
  readonly sync?: boolean;
}

const program = new Command("nats")
  .description("Runs a nats-server with JetStream on 127.0.0.1 until Ctrl-C, and prints its URL.")
  .option("--cluster <servers>", "how many servers, each on a port of its own", integer(1, 9), 1)
  .option("--port <port>", "port of the first server; 0 for free ones", integer(0, 65_535), 4222)
  .option("--store <folder>", "where the streams are kept; without it they are gone at the end")
  .option(
    "--sync <when>",
    "always: to the disk before each acknowledgement; default: every two minutes",
    sync,
  )
  .parse();

try {
  await main(program.opts<Flags>());
} catch (error) {
  process.stderr.write(`nats: ${(error as Error).message}\n`);
  process.exitCode = 1;
}

async function main({ cluster, port, store, sync: always }: Flags): Promise<void> {
  // Listens from the start. Otherwise Ctrl-C during an election would end this process at once and leave the servers
  // to their guards.
  const ended = Promise.race([once(process, "SIGINT"), once(process, "SIGTERM"), once(process, "SIGHUP")]);
  const folder = store === undefined ? {} : { folder: resolve(store) };
  const options = { ...folder, port, syncInterval: always === true ? "always" : "default" } as const;
  if (cluster === 1) {
    await using server = await startNatsServer(options);
    process.stdout.write(`${server.url}\n`);
    await ended;
  } else {
    await using servers = await startNatsCluster(cluster, options);
    process.stdout.write(`${servers.urls.join(",")}\n`);
    await ended;
  }
}

function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It is a whole number from ${min} to ${max}.`);
  };
}

function sync(text: string): boolean {
  if (text !== "always" && text !== "default") throw new InvalidArgumentError("It is always or default.");
  return text === "always";
}
