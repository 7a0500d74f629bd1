// SPDX-License-Identifier: Apache-2.0

/**
 * Attacks on the webhook's port, each of which tries to take its memory, its connections or its time. They end by their
 * bounds, or when they are told to. What they send depends on their seed alone.
 */

import { setTimeout as delay } from "node:timers/promises";

import { randomBelow, seededRandom } from "../../../pkg/base/mod.ts";
import type { Random } from "../../../pkg/base/mod.ts";

import { openSender } from "./webhook-sender.ts";
import type { Sender, Tally, Target } from "./webhook-sender.ts";

export interface WebhookAttackBounds {
  readonly seed: number;
  /** Connections that are open at the same time. */
  readonly connections: number;
  /** Bytes of one request's body. */
  readonly bodyBytes: number;
  /** A connection that was closed is opened anew until so much time has passed. */
  readonly durationMs: number;
}

/** Makes what the connections of an attack send, once; and then what each does until it is refused or has no more to do. */
type Way = (bounds: WebhookAttackBounds, random: Random) => (sender: Sender) => Promise<unknown>;

const PIECE = 65_536;

const WAYS = {
  /** Bodies of the largest size, of which the last byte never comes. */
  "half-bodies": ({ bodyBytes }) => {
    const [head, body] = [post(`content-length: ${bodyBytes}`), Buffer.alloc(bodyBytes - 1, "x")];
    return async (sender) => (await sender.send(head)) && sendInPieces(sender, body);
  },
  /** Empty objects: two bytes and a comma on the wire, and an object of the heap each. */
  "many-values": ({ bodyBytes }) => json(filled('{"a":[', "{},", "{}]}", bodyBytes)),
  /** An object each of whose keys is another. */
  "many-keys": ({ bodyBytes }, random) => {
    const base = randomBelow(random, 1_000_000);
    const keys = Array.from({ length: Math.floor(bodyBytes / 14) }, (_, index) => `"${base + index}":{}`);
    return json(Buffer.from(`{${keys.join()}}`));
  },
  /** Lists in lists. */
  "deep-json": ({ bodyBytes }) => json(Buffer.alloc(bodyBytes, "[")),
  /** Texts that are long, so that nothing is too many, in reviews that are whole. */
  "whole-reviews": ({ bodyBytes }) => json(Buffer.from(JSON.stringify(review({ a: "x".repeat(bodyBytes) })))),
  /** Each byte of the body in a chunk by itself. */
  "small-chunks": ({ bodyBytes }) => {
    const [head, body] = [
      post("transfer-encoding: chunked"),
      Buffer.from("1\r\nx\r\n".repeat(bodyBytes / 6)),
    ];
    return async (sender) => (await sender.send(head)) && sendInPieces(sender, body);
  },
  /** Refusals that are longer than what they refuse, and that are not read. */
  "long-refusals": ({ bodyBytes }) => {
    const count = Math.min(bodyBytes / 20, 20_000);
    const keys = Array.from({ length: count }, (_, index) => [`perdure.dev/${index}`, ""]);
    const send = json(Buffer.from(JSON.stringify(review(Object.fromEntries(keys)))));
    return async (sender) => {
      sender.stopReading();
      for (let sent = 0; sent < 20; sent++) if (!(await send(sender))) return;
    };
  },
  /** Requests that do not wait for the answers of those before, which are not read. */
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
} as const satisfies Record<string, Way>;

export type WebhookAttack = keyof typeof WAYS;

export const WEBHOOK_ATTACKS = Object.keys(WAYS) as readonly WebhookAttack[];

/** Runs one attack to its end. Its connections are closed when it returns. */
export async function attackWebhook(
  attack: WebhookAttack,
  target: Target,
  bounds: WebhookAttackBounds,
  signal?: AbortSignal,
): Promise<Tally> {
  const tally: Tally = { connections: 0, bytes: 0, statuses: new Map() };
  const random = seededRandom(bounds.seed);
  const way: Way = WAYS[attack];
  const work = way(bounds, random);
  const endsAt = performance.now() + bounds.durationMs;
  const stop = AbortSignal.any([AbortSignal.timeout(bounds.durationMs), ...(signal ? [signal] : [])]);
  const stopped = new Promise<void>((resolve) => {
    if (stop.aborted) resolve();
    stop.addEventListener("abort", () => resolve(), { once: true });
  });
  const isOver = (): boolean => stop.aborted || performance.now() > endsAt;
  const run = async (): Promise<void> => {
    while (!isOver()) {
      const sender = await openSender(target, tally, attack !== "half-handshakes", stopped);
      if (sender === undefined) {
        // Refused: a little patience, or the attack's own process would be what it exhausts.
        await delay(randomBelow(random, 20));
        continue;
      }
      await Promise.race([work(sender).then(() => sender.closed), stopped]);
      sender.close();
    }
  };
  await Promise.all(Array.from({ length: bounds.connections }, run));
  return tally;
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
