// SPDX-License-Identifier: Apache-2.0

import { constants } from "node:http2";
import type { ClientHttp2Stream } from "node:http2";
import { addAbortSignal } from "node:stream";

import { TokenBucket } from "../base/mod.ts";
import type { Clock, Rate, Timer } from "../base/mod.ts";

import { writable } from "./message-writer.ts";

const ABORTED = AbortSignal.abort();

/** Resets that were held back are looked after this often, in milliseconds. */
const TICK_MS = 100;

/**
 * Resets the streams of one connection, no faster than its peer bears. Servers take many resets for an attack (rapid
 * reset, CVE-2023-44487) and end the connection, with all other calls on it: Node's own after a thousand at once, and 33
 * in each second after. So one caller who makes and drops many calls would take the peer from all others.
 *
 * 1. In any time of t seconds at most `burst` + t × `perSecond` streams are reset.
 * 2. One that has to wait is reset as soon as that allows, in order, unless it has closed by itself. Its call is over all the
 *    same: what the peer still says on it is dropped.
 */
export class ResetPacer {
  readonly #bucket: TokenBucket;
  readonly #clock: Clock;
  readonly #waiting = new Set<ClientHttp2Stream>();
  #timer: Timer | undefined;

  constructor(rate: Rate, clock: Clock) {
    this.#bucket = new TokenBucket(rate, clock);
    this.#clock = clock;
  }

  /** Streams that wait to be reset. */
  get waiting(): number {
    return this.#waiting.size;
  }

  reset(stream: ClientHttp2Stream): void {
    if (stream.closed || stream.destroyed) return;
    if (this.#waiting.size === 0 && this.#bucket.take()) return resetNow(stream);
    this.#waiting.add(stream);
    stream.once("close", () => this.#waiting.delete(stream));
    stream.resume();
    this.#later();
  }

  /** The connection is gone. */
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
  // `close` would end our side in good order first, and the peer would take what it has of our messages for all.
  if (writable(stream)) addAbortSignal(ABORTED, stream);
  else stream.close(constants.NGHTTP2_CANCEL);
}
