// SPDX-License-Identifier: Apache-2.0

import type { ClientHttp2Session } from "node:http2";

import type { Timer } from "../base/mod.ts";

import type { ResolvedConnectOptions } from "./client-options.ts";

type KeepAliveOptions = Pick<ResolvedConnectOptions, "clock" | "keepAliveIntervalMs" | "keepAliveTimeoutMs">;

/**
 * Detects a dead peer whose connection still seems open: a process that hangs, a machine that is gone.
 *
 * 1. A ping is sent when nothing was received for a whole interval although something was sent after the last
 *    receipt. A peer that owes no answer is not pinged. (Servers on grpc-go end connections that ping them without
 *    need.)
 * 2. Each silence gets one ping; if it is not answered in time, the peer is dead.
 * 3. Watching costs a call two assignments, and a connection one timer.
 */
export class KeepAlive {
  readonly #session: ClientHttp2Session;
  readonly #options: KeepAliveOptions;
  readonly #onDead: () => void;
  #heard = false;
  #waiting = false;
  #timer: Timer | undefined;

  constructor(session: ClientHttp2Session, options: KeepAliveOptions, onDead: () => void) {
    this.#session = session;
    this.#options = options;
    this.#onDead = onDead;
    this.#watch();
  }

  /** Something was sent that the peer may answer. */
  sent(): void {
    this.#waiting = true;
  }

  /** Something came from the peer. */
  heard(): void {
    this.#heard = true;
    this.#waiting = false;
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #watch(): void {
    this.#heard = false;
    const { clock, keepAliveIntervalMs } = this.#options;
    this.#timer = clock.schedule(keepAliveIntervalMs, () => {
      if (this.#waiting && !this.#heard) this.#ping();
      else this.#watch();
    });
  }

  #ping(): void {
    const { closed, destroyed } = this.#session;
    // A closing session cannot ping; its owner bounds how long it may close.
    if (closed || destroyed) return;
    const { clock, keepAliveTimeoutMs } = this.#options;
    this.#timer = clock.schedule(keepAliveTimeoutMs, this.#onDead);
    this.#session.ping((error) => {
      if (error !== null) return;
      this.#timer?.cancel();
      this.#waiting = false;
      this.#watch();
    });
  }
}
