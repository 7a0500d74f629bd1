// SPDX-License-Identifier: Apache-2.0

import type { IncomingMessage } from "node:http";

import type { Charge } from "../../base/mod.ts";

import type { JsonLimits } from "./json-shape.ts";
import { JsonShape } from "./json-shape.ts";

export interface BodyLimits extends JsonLimits {
  readonly maxBodyBytes: number;
}

/** Why a body is not read to its end. */
export type BodyProblem = "no length" | "too large" | "depth" | "values" | "overloaded";

/** A body is kept in pages of this size, so that its memory does not depend on the number of pieces that arrive. */
const PAGE_BYTES = 16_384;

/**
 * Why a body is refused before its first byte: its length is unknown, more than it may be, or more than the account has
 * left now. Undefined if it is not refused.
 */
export function refusedAtOnce(
  { headers }: IncomingMessage,
  { maxBodyBytes }: BodyLimits,
  charge: Charge,
): BodyProblem | undefined {
  // The API server always sends `content-length`. In chunks of one byte each, a body makes a thousand times the work.
  if (headers["content-length"] === undefined || headers["transfer-encoding"] !== undefined)
    return "no length";
  const announced = Number(headers["content-length"]);
  if (announced > maxBodyBytes) return "too large";
  return announced > charge.available ? "overloaded" : undefined;
}

/**
 * Reads a body that `refusedAtOnce` let pass. If it is refused now, the rest of it is ignored. Each page is taken
 * from the account before it is allocated (I11). The caller closes the charge.
 *
 * @throws if the connection ends before the body does.
 */
export function readBody(
  request: IncomingMessage,
  limits: JsonLimits,
  charge: Charge,
): Promise<string | { readonly problem: BodyProblem }> {
  const shape = new JsonShape(limits);
  const pages = new Pages(charge, Number(request.headers["content-length"]));
  return new Promise((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      const problem = shape.add(chunk) ?? (pages.add(chunk) ? undefined : "overloaded");
      if (problem === undefined) return;
      request.off("data", onData).off("end", onEnd);
      resolve({ problem });
    };
    const onEnd = (): void => resolve(pages.text());
    const fail = (error?: Error): void =>
      reject(error ?? new Error("the connection ended before the body did"));
    request.on("data", onData).once("end", onEnd).once("error", fail).once("close", fail);
  });
}

class Pages {
  readonly #charge: Charge;
  readonly #full: Buffer[] = [];
  /** Announced bytes that have no page yet. */
  #left: number;
  #page = Buffer.alloc(0);
  #used = 0;

  constructor(charge: Charge, announced: number) {
    this.#charge = charge;
    this.#left = announced;
  }

  /** False if the account has no room for another page. */
  add(chunk: Buffer): boolean {
    for (let from = 0; from < chunk.length; ) {
      if (this.#used === this.#page.length && !this.#turn()) return false;
      const copied = chunk.copy(this.#page, this.#used, from);
      this.#used += copied;
      from += copied;
    }
    return true;
  }

  text(): string {
    return Buffer.concat([...this.#full, this.#page.subarray(0, this.#used)]).toString("utf8");
  }

  #turn(): boolean {
    const size = Math.min(this.#left, PAGE_BYTES);
    if (!this.#charge.take(size)) return false;
    this.#left -= size;
    this.#full.push(this.#page);
    this.#page = Buffer.allocUnsafeSlow(size);
    this.#used = 0;
    return true;
  }
}
