// SPDX-License-Identifier: Apache-2.0

import type { ClientHttp2Stream } from "node:http2";
import { constants } from "node:http2";
import { addAbortSignal } from "node:stream";

import type { Clock, Rate, Timer } from "../base/mod.ts";
import { TokenBucket } from "../base/mod.ts";

import { writable } from "./message-writer.ts";

/** Half of what Node's own server takes before it ends the connection. */
const RATE: Rate = { burst: 500, perSecond: 25 };

const ABORTED = AbortSignal.abort();

/** Interval at which delayed resets are tried again, in milliseconds. */
const TICK_MS = 100;

/**
 * Resets the streams of one connection no faster than its peer tolerates. Servers take many resets for an attack
 * (rapid reset, CVE-2023-44487) and end the connection with all its calls: Node's own server does so after a thousand
 * at once, and 33 in each second after. Without a limit, one caller that makes and drops many calls would end the
 * calls of all others.
 *
 * 1. In any time of t seconds at most `burst` + t × `perSecond` streams are reset (`RATE`).
 * 2. A stream that must wait is reset as soon as that allows, in order, unless it closes first. Its call is already
 *    over: messages that the peer still sends on it are dropped.
 */
export class ResetPacer {
  readonly #bucket: TokenBucket;
  readonly #clock: Clock;
  readonly #waiting = new Set<ClientHttp2Stream>();
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#bucket = new TokenBucket(RATE, clock);
    this.#clock = clock;
  }

  reset(stream: ClientHttp2Stream): void {
    if (stream.closed || stream.destroyed) return;
    if (this.#waiting.size === 0 && this.#bucket.take()) return resetNow(stream);
    this.#waiting.add(stream);
    stream.once("close", () => this.#waiting.delete(stream));
    stream.resume();
    this.#later();
  }

  /** Stops the timer and forgets the waiting streams. For a connection that has ended. */
  stop(): void {
    this.#timer?.cancel();
    this.#waiting.clear();
  }

  #later(): void {
    this.#timer ??= this.#clock.schedule(TICK_MS, () => {
      this.#timer = undefined;
      for (const stream of this.#waiting) {
        if (!this.#bucket.take()) break;
        this.#waiting.delete(stream);
        resetNow(stream);
      }
      if (this.#waiting.size > 0) this.#later();
    });
  }
}

function resetNow(stream: ClientHttp2Stream): void {
  // `close` would first end our side normally, and the peer would take the messages that it has for all of them.
  if (writable(stream)) addAbortSignal(ABORTED, stream);
  else stream.close(constants.NGHTTP2_CANCEL);
}
