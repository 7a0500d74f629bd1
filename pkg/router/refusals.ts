// SPDX-License-Identifier: Apache-2.0

import { asksTooMuch } from "../entity/mod.ts";
import type { StatusError } from "../grpc/mod.ts";
import type { Telemetry, TraceContext } from "../telemetry/mod.ts";
import { traceFields } from "../telemetry/mod.ts";

import type { Chain } from "./chain.ts";
import { describeCause } from "./chain.ts";

/** How many callers' commands are remembered as reported. What follows from an older one may be reported again. */
const MAX_ORIGINS = 1_000;

export interface RefusalDependencies {
  readonly telemetry: Telemetry;
  readonly reportError: (message: string) => void;
}

/**
 * Tells the user function's developer that a command asked for too many forwards and side effects. It does so once
 * for all that follows from one command of a caller, because such a chain is refused in many places at once.
 */
export class Refusals {
  readonly #dependencies: RefusalDependencies;
  readonly #origins = new Set<string>();

  constructor(dependencies: RefusalDependencies) {
    this.#dependencies = dependencies;
  }

  /** Reports the error if it says that a command asked for too many forwards and side effects; ignores other errors. */
  tell(error: StatusError, chain: Chain, span: TraceContext | undefined): void {
    if (!asksTooMuch(error)) return;
    const { code, message } = error;
    const { origin } = chain.lineage;
    if (origin !== "" && this.#origins.has(origin)) return;
    if (origin !== "") this.#remember(origin);
    const trace = describeCause("ask", chain);
    this.#dependencies.telemetry.logger.warn("forwards and side effects were refused", {
      code,
      problem: message,
      trace,
      origin,
      ...traceFields(span),
    });
    this.#dependencies.reportError(`${message}, ${trace}`);
  }

  #remember(origin: string): void {
    const [oldest = ""] = this.#origins;
    if (this.#origins.size === MAX_ORIGINS) this.#origins.delete(oldest);
    this.#origins.add(origin);
  }
}
