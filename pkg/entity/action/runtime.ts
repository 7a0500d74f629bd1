// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "../../base/mod.ts";
import { ExpiryList, ExpiryPlace, ExpiryQueue, onceForEach } from "../../base/mod.ts";
import { tracedMetadata } from "../../call/mod.ts";
import { Status, StatusError } from "../../grpc/mod.ts";
import { ActionProtocol } from "../../protocol/mod.ts";
import type { Telemetry } from "../../telemetry/mod.ts";
import type {
  ServedMethod,
  ServedService,
  ServiceKind,
  StreamOpener,
  WatchedStream,
} from "../../userfunction/mod.ts";
import { methodName, statelessService } from "../../userfunction/mod.ts";

import type { Command, StreamedCommand } from "../command.ts";
import { answerRefused } from "../failure.ts";
import { CommandInstruments } from "../instruments.ts";
import type { Outcome } from "../outcome.ts";
import type { EntityOptions } from "../settings.ts";
import type { SlowestCommands } from "../slowest-commands.ts";
import { actionError } from "./action-error.ts";
import { commandMessage, readResponse } from "./messages.ts";
import type { ActionStreamContext } from "./stream.ts";
import { ActionStream, PATHS } from "./stream.ts";

/** Functions without state. */
export const ACTION: ServiceKind = {
  name: "action",
  protocol: ActionProtocol.typeName,
  check: (announced) => ({ service: statelessService("action", announced), unserved: [] }),
};

export interface ActionRuntimeDependencies {
  readonly streams: StreamOpener;
  readonly clock: Clock;
  readonly telemetry: Pick<Telemetry, "meter">;
  readonly options: Pick<EntityOptions, "relayTimeoutMs" | "streamIdleTimeoutMs" | "maxMessageFields">;
  /** Tells the user function what it did wrong. */
  readonly reportError: (message: string) => void;
  /** Is told of the slow ones among commands without streams. Undefined: nobody is, at no cost. */
  readonly slowest?: SlowestCommands | undefined;
}

/**
 * Hands commands to actions. Each command is one call to the user function, unary or streamed as the command is.
 *
 * 1. The caller gets the status with which the user function ends the call.
 * 2. If the caller stops waiting, or a time-out passes, the call to the user function is cancelled.
 */
export class ActionRuntime {
  readonly #relayTimeoutMs: number;
  readonly #slowest: SlowestCommands | undefined;
  readonly #streams: ExpiryQueue<ActionStream>;
  #underWay = 0;
  readonly #open: ExpiryList<OpenCall>;
  readonly #context: ActionStreamContext;

  constructor(dependencies: ActionRuntimeDependencies) {
    const { streams, clock, telemetry, options, reportError, slowest } = dependencies;
    this.#slowest = slowest;
    this.#relayTimeoutMs = options.relayTimeoutMs;
    this.#open = new ExpiryList(clock, options.relayTimeoutMs, (call) => {
      call.timedOut = true;
      call.cancel();
    });
    const idle = new ExpiryQueue<ActionStream>(clock, options.streamIdleTimeoutMs, (stream) => stream.idle());
    this.#streams = idle;
    const { streamIdleTimeoutMs: idleTimeoutMs, maxMessageFields } = options;
    const instruments = onceForEach(
      ({ kind, desc }: ServedService) =>
        new CommandInstruments(telemetry.meter, { kind, type: desc.typeName }),
    );
    this.#context = { streams, clock, instruments, reportError, idle, idleTimeoutMs, maxMessageFields };
  }

  /** Calls and streams that are open. */
  get open(): { readonly calls: number; readonly streams: number } {
    return { calls: this.#underWay, streams: this.#streams.size };
  }

  /** @throws StatusError, and nothing else. */
  async unary({ method, payload, call }: Command): Promise<Outcome> {
    const { streams, clock } = this.#context;
    const measured = this.#context.instruments(method.service);
    measured.received.add(1);
    this.#underWay++;
    let code: string | undefined;
    const open = new OpenCall();
    this.#open.touch(open.relay);
    const sinceMs = open.relay.touchedMs ?? 0;
    try {
      const { message } = await streams.withRoom(() => {
        if (open.timedOut || open.refusal !== undefined)
          throw actionError(Status.CANCELLED, "CANCELLED", "nobody waits for the call any more");
        const answer = streams.unary(PATHS.unary, commandMessage(method, payload, tracedMetadata(call)), {
          trace: call.trace,
          onCancel: (cancel) => {
            open.cancel = cancel;
            call.onCancel(cancel);
          },
        });
        streams.asked(open);
        return answer;
      });
      if (!call.bytes.take(message.length)) throw answerRefused();
      const outcome = readResponse(method, message, this.#context);
      if (outcome.kind === "failure") ({ code } = outcome.error);
      return outcome;
    } catch (thrown) {
      const error = this.#failureOf(thrown, open, method);
      code = error instanceof StatusError ? error.code : "INTERNAL";
      throw error;
    } finally {
      this.#underWay--;
      const endedMs = clock.monotonicMs();
      const tookMs = endedMs - sinceMs;
      measured.ended(code === undefined, tookMs, call.trace);
      if (this.#slowest?.isSlow(tookMs, endedMs) === true) {
        const times = { endedMs, tookMs, waitedMs: 0, storingMs: 0 };
        this.#slowest.add({
          method: methodName(method),
          entity: undefined,
          ...times,
          code,
          trace: call.trace,
        });
      }
      this.#open.forget(open.relay);
      streams.over(open);
    }
  }

  /** The caller's error for what a call threw. */
  #failureOf(thrown: unknown, { refusal, timedOut }: OpenCall, method: ServedMethod): unknown {
    if (refusal !== undefined) return refusal;
    if (!timedOut) return thrown;
    const text = `the user function did not answer ${methodName(method)} within ${this.#relayTimeoutMs} ms`;
    return actionError(Status.DEADLINE_EXCEEDED, "RELAY_TIMEOUT", text, thrown);
  }

  /** Gives each answer of the user function when it is asked for. The iterator throws StatusError, and nothing else. */
  streamed(command: StreamedCommand): AsyncIterableIterator<Outcome, undefined> {
    return new ActionStream(this.#context, command);
  }
}

/** A call that the user function has not answered yet. */
class OpenCall implements WatchedStream {
  readonly relay = new ExpiryPlace<OpenCall>(this);
  isHeard = false;
  timedOut = false;
  refusal: StatusError | undefined;
  cancel: () => void = NOTHING_TO_CANCEL;

  refuse(error: StatusError): void {
    this.refusal = error;
    this.cancel();
  }
}

const NOTHING_TO_CANCEL = (): void => undefined;
