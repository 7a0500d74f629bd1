// SPDX-License-Identifier: Apache-2.0

import type { ClientHttp2Session } from "node:http2";

import type { Attack, Tools, Way } from "../attack.ts";
import { grpcFields, grpcMessage, PATHS } from "../wire/grpc.ts";
import { openH2Session } from "../wire/h2-session.ts";
import { postHead } from "../wire/http1.ts";
import { openLine } from "../wire/line.ts";
import { letterBytes } from "../wire/messages.ts";
import { pause, sideBySide } from "../wire/repeat.ts";

/** 1.5 GB together, of which one entity's mailbox takes 1,000 commands. */
const COMMANDS = 1_500;
const DATA_BYTES = 1_048_576;
const CONNECTIONS = 15;
/** JSON commands per second. 1.5 GB at one moment would measure how long the machine takes to copy it. */
const JSON_PER_SECOND = 200;
/** Time that the user function takes for each command, in milliseconds. */
const DELAY_MS = 1_000;
const ENTITIES = 50;

type EntityOf = (command: number) => string;

/** Calls that all wait at once. */
const overGrpc =
  (entityOf: EntityOf): Way =>
  async (target, tools) => {
    const data = new Uint8Array(DATA_BYTES);
    await sideBySide(CONNECTIONS, async (connection) => {
      const { session, closed } = openH2Session(target.port, tools);
      for (let at = connection; at < COMMANDS && !session.destroyed && !session.closed; at += CONNECTIONS) {
        const message = letterBytes({ id: entityOf(at), data, delayMs: DELAY_MS });
        await sendCall(session, tools, grpcMessage(message));
      }
      await closed;
    });
  };

/** Resolves when the whole request is sent. */
function sendCall(session: ClientHttp2Session, { tally }: Tools, body: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const stream = session.request(grpcFields(PATHS.sendSlowly));
    stream.on("error", () => undefined);
    stream.on("trailers", (trailers) => tally.add(`grpc-status ${String(trailers["grpc-status"])}`));
    stream.on("response", ({ "grpc-status": status }) => {
      if (status !== undefined) tally.add(`grpc-status ${String(status)}`);
    });
    stream.on("close", () => resolve());
    stream.resume();
    tally.add("requests");
    tally.add("bytes", body.length);
    stream.end(body, () => resolve());
  });
}

/** As many connections as commands, because HTTP/1.1 answers one after the other. */
const overHttp1: Way = (target, tools) => {
  const text = Buffer.from(JSON.stringify({ delayMs: DELAY_MS, data: "A".repeat(DATA_BYTES) }));
  const head = postHead("/targets/attacked/slow-letters", text.length);
  return sideBySide(COMMANDS, async (index) => {
    await pause((index * 1_000) / JSON_PER_SECOND, tools.signal);
    const line = await openLine(target.port, tools);
    await line?.send(head);
    await line?.send(text);
    await line?.closed();
  });
};

export const attack: Attack = {
  name: "waiting-commands",
  about: `${COMMANDS} commands of 1 MiB that wait for a slow user function`,
  bounds: ["max-buffered-bytes"],
  // With the 1.5 GB that JSON sends besides, a machine with two cores has no time for others.
  shortWays: ["one-entity", "many-entities"],
  ways: {
    "one-entity": overGrpc(() => "attacked"),
    "many-entities": overGrpc((command) => `attacked-${command % ENTITIES}`),
    json: overHttp1,
  },
};
