// SPDX-License-Identifier: Apache-2.0

import { setTimeout as delay } from "node:timers/promises";

import type { Random } from "../../pkg/base/mod.ts";
import { randomBelow } from "../../pkg/base/mod.ts";
import { seededRandom } from "../../pkg/base/test-doubles/mod.ts";

import { addToken, readCart } from "../lib/carts.ts";
import type { Operation } from "../lib/history.ts";
import { HistoryRecorder } from "../lib/history.ts";
import type { HttpAnswer } from "../lib/http-client.ts";
import type { RoundPlan } from "./plan.ts";
import type { ProxySlot } from "./proxy-slot.ts";

/**
 * Commands that all callers together begin in a second, approximately. The rate is limited, because a round tests
 * faults and not speed.
 */
const COMMANDS_PER_SECOND = 1_500;
const MAX_COMMANDS = 60_000;

/** Longest pause of a caller after a refusal, in milliseconds. */
const PAUSE_MS = 100;

/** How long all callers together may get no acknowledgement without a fault, in milliseconds. */
export const RECOVERY_MS = 60_000;

/** Error codes of a command of which certainly nothing is stored. */
const REFUSALS: readonly string[] = [
  "LOG_UNAVAILABLE",
  "LOG_OVERLOADED",
  "LOG_CLOSED",
  "APPEND_CONFLICT",
  "USER_FUNCTION_UNAVAILABLE",
  "PROXY_STOPPING",
  "MAILBOX_FULL",
  "MAILBOX_TIMEOUT",
  "SHARD_MOVING",
  "SHARD_RELEASED",
  "TOO_MANY_HOPS",
];

/** Error codes of a command whose outcome the proxy does not know: of the log, of another proxy, of its own shard. */
const UNKNOWN: readonly string[] = ["OUTCOME_UNKNOWN", "PEER_LOST", "ANSWER_WITHHELD"];

/**
 * Callers that add to shopping carts and read them. Each sends one request after the other.
 *
 * 1. The seed decides what a caller does. The answers decide when.
 * 2. Callers do not retry. A command without an answer counts as unacknowledged, and the next command has another
 *    token.
 * 3. All requests and answers are recorded, on one clock. An entity of the history is a cart, as a list of tokens.
 */
export class Load {
  /** Answers that no fault excuses. */
  readonly oddities: string[] = [];
  readonly #plan: RoundPlan;
  readonly #proxies: readonly ProxySlot[];
  readonly #recorder = new HistoryRecorder();
  readonly #waiting = new Set<() => void>();
  #callers: Promise<unknown> = Promise.resolve();
  #begun = 0;
  #acknowledged = 0;
  #isEnding = false;
  #lastMs = performance.now();
  #longestSilenceMs = 0;

  constructor(plan: RoundPlan, proxies: readonly ProxySlot[]) {
    this.#plan = plan;
    this.#proxies = proxies;
  }

  get operations(): readonly Operation[] {
    return this.#recorder.operations;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Longest time without an acknowledgement so far. */
  get longestSilenceMs(): number {
    if (this.#isEnding) return this.#longestSilenceMs;
    return Math.max(this.#longestSilenceMs, performance.now() - this.#lastMs);
  }

  start(): void {
    this.#lastMs = performance.now();
    const { seed, callers } = this.#plan;
    const randoms = Array.from({ length: callers }, (_, index) => seededRandom(seed * 1_000 + index));
    this.#callers = Promise.all(randoms.map((random, index) => this.#call(random, `caller ${index}`)));
  }

  /** Waits until `count` more commands are acknowledged. Resolves with false if none is for `RECOVERY_MS`. */
  moreAcknowledged(count: number): Promise<boolean> {
    const enough = this.#acknowledged + count;
    return new Promise((resolve) => {
      const settle = (isEnough: boolean): void => {
        clearTimeout(silence);
        this.#waiting.delete(look);
        resolve(isEnough);
      };
      const silence = setTimeout(() => settle(false), RECOVERY_MS);
      const look = (): void => {
        silence.refresh();
        if (this.#acknowledged >= enough) settle(true);
      };
      this.#waiting.add(look);
    });
  }

  /** Lets all callers end what they have begun. */
  async finish(): Promise<void> {
    this.#longestSilenceMs = this.longestSilenceMs;
    this.#isEnding = true;
    await this.#callers;
  }

  /** Looks at a cart, as any caller does; undefined if there was no good answer. */
  async look(proxy: ProxySlot, id: string, caller = "judge"): Promise<readonly string[] | undefined> {
    const pending = this.#recorder.begin(id, this.#nameOf(caller, proxy), { kind: "list" });
    const cart = await readCart(proxy.client, id, this.#patience()).catch(() => undefined);
    if (cart?.kind === "error") this.#checkCode(cart.answer);
    if (cart?.kind !== "cart") return undefined;
    pending.returned(cart.tokens);
    return cart.tokens;
  }

  async #call(random: Random, caller: string): Promise<void> {
    const thinkMs = (1_000 * this.#plan.callers) / COMMANDS_PER_SECOND;
    while (!this.#isEnding && this.#begun < MAX_COMMANDS) {
      // Some carts are wanted more than others.
      const id = `cart-${Math.floor(this.#plan.entities * random() ** 2)}`;
      const proxy = this.#proxies[randomBelow(random, this.#proxies.length)] as ProxySlot;
      const isLook = random() < this.#plan.readShare;
      const went = isLook
        ? (await this.look(proxy, id, caller)) !== undefined
        : await this.#add(proxy, id, caller);
      await delay(2 * random() * (went ? thinkMs : Math.max(thinkMs, PAUSE_MS / 2)));
    }
  }

  async #add(proxy: ProxySlot, id: string, caller: string): Promise<boolean> {
    const input = `token-${this.#begun++}`;
    const pending = this.#recorder.begin(id, this.#nameOf(caller, proxy), { kind: "append", input });
    const answer = await addToken(proxy.client, id, input, this.#patience()).catch(() => undefined);
    if (answer?.status === 200) {
      pending.returned({});
      this.#onAcknowledged();
      return true;
    }
    if (answer !== undefined) this.#checkCode(answer);
    if (REFUSALS.includes(answer?.errorCode ?? "")) pending.refused();
    return false;
  }

  #patience(): AbortSignal {
    return AbortSignal.timeout(this.#plan.patienceMs);
  }

  #nameOf(caller: string, proxy: ProxySlot): string {
    return this.#proxies.length > 1 ? `${caller} at proxy ${this.#proxies.indexOf(proxy)}` : caller;
  }

  #onAcknowledged(): void {
    this.#longestSilenceMs = this.longestSilenceMs;
    this.#lastMs = performance.now();
    this.#acknowledged++;
    for (const look of this.#waiting) look();
  }

  #checkCode({ status, errorCode = "without a code", body }: HttpAnswer): void {
    if (!UNKNOWN.includes(errorCode) && !REFUSALS.includes(errorCode)) {
      this.oddities.push(`an answer that no fault excuses: ${status} ${errorCode} ${body}`);
    }
  }
}
