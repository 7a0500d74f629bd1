// SPDX-License-Identifier: Apache-2.0

import { constants } from "node:http2";
import type { ClientHttp2Stream } from "node:http2";
import { addAbortSignal } from "node:stream";

import type { Clock, Timer } from "../base/mod.ts";

import { writable } from "./message-writer.ts";

/** How many streams may be reset at once, and how many more in each second. */
export interface ResetRate {
  readonly burst: number;
  readonly perSecond: number;
}

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
  readonly #rate: ResetRate;
  readonly #clock: Clock;
  readonly #waiting = new Set<ClientHttp2Stream>();
  #tokens: number;
  #filledMs: number;
  #timer: Timer | undefined;

  constructor(rate: ResetRate, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
    this.#tokens = rate.burst;
    this.#filledMs = clock.monotonicMs();
  }

  /** Streams that wait to be reset. */
  get waiting(): number {
    return this.#waiting.size;
  }

  reset(stream: ClientHttp2Stream): void {
    if (stream.closed || stream.destroyed) return;
    if (this.#waiting.size === 0 && this.#takeToken()) return resetNow(stream);
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
        if (!this.#takeToken()) break;
        this.#waiting.delete(stream);
        resetNow(stream);
      }
      if (this.#waiting.size > 0) this.#later();
    });
  }

  #takeToken(): boolean {
    const nowMs = this.#clock.monotonicMs();
    const { burst, perSecond } = this.#rate;
    this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#filledMs) * perSecond) / 1_000);
    this.#filledMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}

function resetNow(stream: ClientHttp2Stream): void {
  // `close` would end our side in good order first, and the peer would take what it has of our messages for all.
  if (writable(stream)) addAbortSignal(ABORTED, stream);
  else stream.close(constants.NGHTTP2_CANCEL);
}
