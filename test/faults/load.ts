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
import { isCalm } from "./plan.ts";
import type { ProxySlot } from "./proxy-slot.ts";

const MAX_COMMANDS = 60_000;

/** Longest pause of a caller after a refusal, in milliseconds. */
const PAUSE_MS = 100;

/**
 * Every so manieth caller waits long for an answer, also where the others give up soon, so that it hears the late ones
 * of a proxy that was paused.
 */
const PATIENT_CALLERS = 4;
const LONG_PATIENCE_MS = 20_000;

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
 * 3. A proxy that is about to be replaced is not asked any more, as one that is not ready.
 * 4. All requests and answers are recorded, on one clock. An entity of the history is a cart, as a list of tokens.
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
    this.#callers = Promise.all(randoms.map((random, index) => this.#call(random, index)));
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
  async look(proxy: ProxySlot, id: string, caller?: number): Promise<readonly string[] | undefined> {
    const pending = this.#recorder.begin(id, this.#nameOf(caller, proxy), { kind: "list" });
    const cart = await readCart(proxy.client, id, this.#patience(caller)).catch(this.#noAnswer);
    if (cart?.kind === "error") this.#checkCode(cart.answer);
    if (cart?.kind !== "cart") return undefined;
    pending.returned(cart.tokens);
    return cart.tokens;
  }

  async #call(random: Random, caller: number): Promise<void> {
    const thinkMs = (1_000 * this.#plan.callers) / this.#plan.perSecond;
    while (!this.#isEnding && this.#begun < MAX_COMMANDS) {
      const startedMs = performance.now();
      // Some carts are wanted more than others.
      const id = `cart-${Math.floor(this.#plan.entities * random() ** 2)}`;
      const asked = this.#proxies.filter(({ isAsked }) => isAsked);
      const from = asked.length > 0 ? asked : this.#proxies;
      const proxy = from[randomBelow(random, from.length)] as ProxySlot;
      const isLook = random() < this.#plan.readShare;
      const went = isLook
        ? (await this.look(proxy, id, caller)) !== undefined
        : await this.#add(proxy, id, caller);
      const tookMs = went ? performance.now() - startedMs : 0;
      await delay(Math.max(0, 2 * random() * (went ? thinkMs : Math.max(thinkMs, PAUSE_MS / 2)) - tookMs));
    }
  }

  async #add(proxy: ProxySlot, id: string, caller: number): Promise<boolean> {
    const input = `token-${this.#begun++}`;
    const pending = this.#recorder.begin(id, this.#nameOf(caller, proxy), { kind: "append", input });
    const answer = await addToken(proxy.client, id, input, this.#patience(caller)).catch(this.#noAnswer);
    if (answer?.status === 200) {
      pending.returned({});
      this.#onAcknowledged();
      return true;
    }
    if (answer !== undefined) this.#checkCode(answer);
    if (REFUSALS.includes(answer?.errorCode ?? "")) pending.refused();
    return false;
  }

  #patience(caller: number | undefined): AbortSignal {
    const isPatient = caller !== undefined && caller % PATIENT_CALLERS === 0;
    const { patienceMs } = this.#plan;
    return AbortSignal.timeout(isPatient ? Math.max(patienceMs, LONG_PATIENCE_MS) : patienceMs);
  }

  /** A request ended without an answer. */
  readonly #noAnswer = (thrown: unknown): undefined => {
    if (isCalm(this.#plan)) this.oddities.push(`a request failed: ${(thrown as Error).message}`);
  };

  #nameOf(number: number | undefined, proxy: ProxySlot): string {
    const caller = number === undefined ? "judge" : `caller ${number}`;
    return this.#proxies.length > 1 ? `${caller} at proxy ${this.#proxies.indexOf(proxy)}` : caller;
  }

  #onAcknowledged(): void {
    this.#longestSilenceMs = this.longestSilenceMs;
    this.#lastMs = performance.now();
    this.#acknowledged++;
    for (const look of this.#waiting) look();
  }

  #checkCode({ status, errorCode = "without a code", body }: HttpAnswer): void {
    const isExcused = UNKNOWN.includes(errorCode) || REFUSALS.includes(errorCode);
    if (!isExcused || isCalm(this.#plan)) {
      this.oddities.push(`an answer that no fault excuses: ${status} ${errorCode} ${body}`);
    }
  }
}
