// SPDX-License-Identifier: Apache-2.0

import { toBinary } from "@bufbuild/protobuf";

import type { Account, Clock, Random } from "../base/mod.ts";
import { backoffMs, describeError, sleep, toError } from "../base/mod.ts";
import { traceMetadata } from "../call/mod.ts";
import type {
  CallOptions,
  ClientStream,
  Connection,
  GrpcErrorCode,
  StatusError,
  StreamHandlers,
  UnaryReply,
} from "../grpc/mod.ts";
import { CallMetadata, connect, GrpcError } from "../grpc/mod.ts";
import type { EntitySpec } from "../protocol/mod.ts";
import {
  EntitySpecSchema,
  MessageError,
  ProxyInfoSchema,
  readMessage,
  UserFunctionErrorSchema,
} from "../protocol/mod.ts";
import type { Telemetry, TraceContext } from "../telemetry/mod.ts";

import type { UserFunctionOptions } from "./options.ts";
import { Reports } from "./reports.ts";
import type { ServiceKind } from "./service-kind.ts";
import type { UnservedPart, UserFunctionSpec } from "./spec.ts";
import type { WatchedStream } from "./stream-room.ts";
import { StreamRoom } from "./stream-room.ts";
import { refused, unavailable } from "./user-function-error.ts";
import { PROTOCOL_MAJOR, PROTOCOL_MINOR, validateSpec, versionError } from "./validate.ts";

export interface UserFunctionDependencies {
  readonly options: UserFunctionOptions;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** The memory for messages that have arrived only in part, in bytes. */
  readonly memory: Account;
  readonly proxyName: string;
  readonly proxyVersion: string;
  /** Gives further parts of a spec that cannot be served, as its HTTP rules. */
  readonly checkSpec: (spec: UserFunctionSpec) => readonly UnservedPart[];
  /** Asks the entity that is idle longest to end its stream, because there are too many. False: none is idle. */
  readonly makeRoom: () => boolean;
  /** Called when the served spec changes; undefined: nothing is served now. */
  readonly onSpec: (spec: UserFunctionSpec | undefined) => void;
  /** Called when the user function was refused, with what its developer has to change. */
  readonly onRejected: (errors: readonly string[]) => void;
}

/** With the span of which the call is a part (`tracedStreams`), which the user function is told by its headers. */
export interface TracedCallOptions extends CallOptions {
  readonly trace?: TraceContext | undefined;
}

/** Opens streams to the user function, as many as it takes (`StreamRoom`). */
export interface StreamOpener
  extends Pick<StreamRoom, "maxStreams" | "isCrowded" | "withRoom" | "asked" | "heard" | "over"> {
  /**
   * @param trace the span of which the stream is a part, which the user function is told by its headers
   * @throws StatusError `USER_FUNCTION_UNAVAILABLE`, or `USER_FUNCTION_REFUSED` if it was refused.
   */
  open(path: string, handlers: StreamHandlers, trace?: TraceContext): ClientStream;
  /**
   * Makes a unary call. The caller must not change the bytes before the call is over.
   *
   * @throws StatusError the user function's own (a `CallError`), or what `open` throws.
   */
  unary(path: string, bytes: Uint8Array, options: TracedCallOptions): Promise<UnaryReply>;
}

/** Reports that wait for an answer at the same time; further ones are only logged. */
const MAX_OPEN_REPORTS = 16;

/** Errors, or parts that are not served, that are reported one by one; one more report gives the number of the rest. */
const MAX_TOLD = 50;

/** How long the user function may take to acknowledge a report, in milliseconds. */
const REPORT_TIMEOUT_MS = 5_000;

/**
 * Growth of the pauses between tries. Cloudstate waits a second between tries. Here they begin sooner, because the
 * container may be just starting. With this growth it is found within a tenth of the time that it took to start.
 */
const BACKOFF = { growth: 1.1, jitter: 0.2 };

/** Time between two log lines that say why the user function is not available, for the same reason, in milliseconds. */
const REMIND_MS = 30_000;

/**
 * The proxy's connection to its user function. Whenever it is lost, the proxy connects again.
 *
 *     connecting ──▶ discovering ──▶ serving ──▶ lost ──▶ connecting …
 *         ▲ back-off      │    └──▶ rejected ──▶ lost
 *         └───────────────┘
 *
 * 1. `discover` is called once per connection, because a user function that connects again may have changed.
 * 2. A spec of which nothing can be served is final for its connection: each error is reported once, nothing is
 *    served and nothing is retried. If a part of a spec can be served, it is served, and each other part is reported
 *    once.
 * 3. `onSpec` is called with a spec when serving begins and with undefined when it ends, in turn.
 * 4. The proxy stays up whatever the user function sends or fails to send (I12).
 * 5. The log says why the user function is not available when the reason changes, and again every `REMIND_MS` while
 *    the reason stays.
 */
export class UserFunction implements StreamOpener {
  readonly #dependencies: UserFunctionDependencies;
  readonly #stopped = new AbortController();
  #kinds: readonly ServiceKind[] = [];
  #state: State = { kind: "connecting" };
  #problem: Problem = NO_PROBLEM;
  /** When the problem was last logged at level info, in monotonic milliseconds. */
  #saidMs = 0;
  /** The current connection, in any state. */
  #connection: Connection | undefined;
  readonly #reports: Reports;
  readonly #room: StreamRoom;
  #openReports = 0;
  #finished: Promise<void> = Promise.resolve();

  constructor(dependencies: UserFunctionDependencies) {
    this.#dependencies = dependencies;
    this.#reports = new Reports(dependencies.clock, (text) => this.#tell(text));
    const ask = async (text: string, timeoutMs: number): Promise<void> =>
      sendReport(this.#usable(), text, timeoutMs);
    this.#room = new StreamRoom({ ...dependencies, ask });
  }

  /** Connects, and again whenever the connection is lost, until `stop`. @param kinds those that the proxy serves. */
  start(kinds: readonly ServiceKind[]): void {
    this.#kinds = kinds;
    this.#finished = this.#run();
  }

  get status(): UserFunctionStatus {
    const state = this.#state;
    switch (state.kind) {
      case "connecting":
        return { kind: "connecting", problem: this.#problem.text, code: this.#problem.code };
      case "serving":
        return { kind: "serving", unserved: state.unserved, crowding: this.#room.problem };
      case "rejected":
        return { kind: "rejected", errors: state.errors };
    }
  }

  /** What callers get while nothing is served. */
  get absence(): StatusError {
    const state = this.#state;
    if (state.kind === "rejected") return refused(state.reason);
    return unavailable("the user function is not available yet; try again");
  }

  open(path: string, handlers: StreamHandlers, trace?: TraceContext): ClientStream {
    return this.#usable().open(path, handlers, trace && withTrace({}, trace));
  }

  /** Not `async`, because that would cost every call of an action a promise and two turns of the microtasks. */
  unary(path: string, bytes: Uint8Array, options: TracedCallOptions): Promise<UnaryReply> {
    const { trace } = options;
    try {
      return this.#usable().unary(path, bytes, trace === undefined ? options : withTrace(options, trace));
    } catch (thrown) {
      return Promise.reject(toError(thrown));
    }
  }

  get maxStreams(): number {
    return this.#room.maxStreams;
  }

  /** See `StreamRoom`. */
  get streamUse(): StreamRoom["use"] {
    return this.#room.use;
  }

  get isCrowded(): boolean {
    return this.#room.isCrowded;
  }

  withRoom<T>(open: () => T): T | Promise<T> {
    return this.#room.withRoom(open);
  }

  asked(stream: WatchedStream): void {
    this.#room.asked(stream);
  }

  heard(stream: WatchedStream): void {
    this.#room.heard(stream);
  }

  over(stream: WatchedStream): void {
    this.#room.over(stream);
  }

  /** Tells the user function's developer what it did wrong; `Reports` limits repeats. Never fails, never waits. */
  reportError(message: string): void {
    this.#reports.add(message);
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#reports.flush();
    this.#connection?.destroy();
    await this.#finished;
  }

  #usable(): Connection {
    const state = this.#state;
    if (state.kind === "rejected") throw this.absence;
    if (state.kind !== "serving" || !state.connection.usable) {
      const { userFunctionHost: host, userFunctionPort: port } = this.#dependencies.options;
      throw unavailable(`the user function at ${host}:${port} is not available; try again later`);
    }
    return state.connection;
  }

  async #run(): Promise<void> {
    const { options, clock, random, onSpec } = this.#dependencies;
    const backoff = { minMs: options.backoffMinMs, maxMs: options.backoffMaxMs, ...BACKOFF };
    const { signal } = this.#stopped;
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        const connection = await this.#connect();
        this.#connection = connection;
        if (signal.aborted) return;
        const spec = await this.#discover(connection);
        attempt = 0;
        this.#problem = NO_PROBLEM;
        await this.#serve(connection, spec);
      } catch (error) {
        this.#missed(attempt, error);
      } finally {
        this.#connection?.destroy();
        this.#connection = undefined;
        const wasServing = this.#state.kind === "serving";
        this.#state = { kind: "connecting" };
        this.#room.detach(this.absence);
        if (wasServing) {
          this.#reports.flush();
          onSpec(undefined);
        }
      }
      if (!signal.aborted) await sleep(clock, backoffMs(Math.max(attempt, 1), backoff, random), signal);
    }
  }

  /** Notes why a connection failed, and logs it: at level info as often as (5) says, else at level debug. */
  #missed(attempt: number, error: unknown): void {
    const { options, clock, telemetry } = this.#dependencies;
    const text = describeError(error);
    const isNew = text !== this.#problem.text;
    this.#problem = { text, code: error instanceof GrpcError ? error.code : undefined };
    const nowMs = clock.monotonicMs();
    // Logged a little early rather than late, because the next try may come only after the longest pause.
    const waitMs = Math.min(options.backoffMaxMs, REMIND_MS / 2);
    const isDue = isNew || nowMs - this.#saidMs + waitMs > REMIND_MS;
    if (isDue) this.#saidMs = nowMs;
    const at = `${options.userFunctionHost}:${options.userFunctionPort}`;
    telemetry.logger[isDue ? "info" : "debug"]("user function is not available yet", {
      at,
      attempt,
      error: text,
    });
  }

  #connect(): Promise<Connection> {
    const { options, clock, memory } = this.#dependencies;
    return connect({
      host: options.userFunctionHost,
      port: options.userFunctionPort,
      clock,
      memory,
      connectTimeoutMs: options.connectTimeoutMs,
      maxReceiveBytes: options.maxMessageBytes,
      keepAliveIntervalMs: options.keepAliveIntervalMs,
      keepAliveTimeoutMs: options.keepAliveTimeoutMs,
    });
  }

  /** @returns MessageError if the answer has too many fields to be read. */
  async #discover(connection: Connection): Promise<EntitySpec | MessageError> {
    const { options, proxyName, proxyVersion } = this.#dependencies;
    const info = toBinary(ProxyInfoSchema, {
      $typeName: "cloudstate.ProxyInfo",
      protocolMajorVersion: PROTOCOL_MAJOR,
      protocolMinorVersion: PROTOCOL_MINOR,
      proxyName,
      proxyVersion,
      supportedEntityTypes: this.#kinds.map(({ protocol }) => protocol),
    });
    const { message } = await connection.unary("/cloudstate.EntityDiscovery/discover", info, {
      timeoutMs: options.discoveryTimeoutMs,
    });
    try {
      return readMessage(EntitySpecSchema, message, options.maxMessageFields);
    } catch (error) {
      if (error instanceof MessageError) return error;
      const text = `the answer to discovery is not a ${EntitySpecSchema.typeName} message`;
      throw new Error(text, { cause: error });
    }
  }

  /** Serves, or refuses, until the connection ends. */
  async #serve(connection: Connection, entitySpec: EntitySpec | MessageError): Promise<void> {
    const { telemetry, onSpec, onRejected } = this.#dependencies;
    const ended = new Promise<void>((resolve) => connection.onClose(() => resolve()));
    const { spec, errors } =
      entitySpec instanceof MessageError ? { errors: [entitySpec.message] } : this.#check(entitySpec);
    if (spec === undefined) {
      this.#state = { kind: "rejected", errors, reason: errors.join("; ") };
      telemetry.logger.error("user function was refused", { errors });
      onRejected(errors);
      await this.#reportAll(connection, errors);
    } else {
      this.#state = { kind: "serving", connection, unserved: spec.unserved };
      this.#room.attach(connection);
      telemetry.logger.info("user function found", {
        description: spec.description,
        services: [...spec.services.keys()],
      });
      const unserved = spec.unserved.map(({ reason }) => reason);
      if (unserved.length > 0) telemetry.logger.warn("part of the user function is not served", { unserved });
      onSpec(spec);
      void this.#reportAll(connection, unserved);
    }
    await ended;
    telemetry.logger.info("user function connection ended");
  }

  #check(entitySpec: EntitySpec): { readonly spec?: UserFunctionSpec; readonly errors: readonly string[] } {
    const { options, checkSpec, telemetry } = this.#dependencies;
    const wrongVersion = versionError(entitySpec.serviceInfo);
    if (wrongVersion !== undefined && options.protocolCheck) return { errors: [wrongVersion] };
    if (wrongVersion !== undefined)
      telemetry.logger.warn("protocol version is not checked", { error: wrongVersion });
    const validation = validateSpec(entitySpec, this.#kinds, options.maxMessageFields);
    if (!validation.ok) return { errors: validation.errors };
    const { spec } = validation;
    return { spec: { ...spec, unserved: [...spec.unserved, ...checkSpec(spec)] }, errors: [] };
  }

  async #reportAll(connection: Connection, texts: readonly string[]): Promise<void> {
    for (const text of texts.slice(0, MAX_TOLD)) await this.#report(connection, text);
    if (texts.length > MAX_TOLD)
      await this.#report(connection, `and ${texts.length - MAX_TOLD} more, of which the proxy's log tells`);
  }

  #tell(message: string): void {
    this.#dependencies.telemetry.logger.warn("reported to the user function", { message });
    if (this.#state.kind === "serving") void this.#report(this.#state.connection, message);
  }

  async #report(connection: Connection, message: string): Promise<void> {
    if (this.#openReports >= MAX_OPEN_REPORTS) return;
    this.#openReports++;
    try {
      await sendReport(connection, message, REPORT_TIMEOUT_MS);
    } catch (error) {
      this.#dependencies.telemetry.logger.debug("report did not arrive", { error: describeError(error) });
    } finally {
      this.#openReports--;
    }
  }
}

/** Options with the trace as headers of the call. */
function withTrace(options: CallOptions, trace: TraceContext): CallOptions {
  const headers = traceMetadata(trace).map(({ key, value }) => [key, value] as const);
  return { ...options, metadata: CallMetadata.of(headers) };
}

async function sendReport(connection: Connection, message: string, timeoutMs: number): Promise<void> {
  const request = toBinary(UserFunctionErrorSchema, { $typeName: "cloudstate.UserFunctionError", message });
  await connection.unary("/cloudstate.EntityDiscovery/reportError", request, { timeoutMs });
}

interface Problem {
  /** Empty if there is none. */
  readonly text: string;
  /** Undefined unless the connection failed on this side, or a call over it. */
  readonly code: GrpcErrorCode | undefined;
}

const NO_PROBLEM: Problem = { text: "", code: undefined };

type State =
  | { readonly kind: "connecting" }
  | { readonly kind: "serving"; readonly connection: Connection; readonly unserved: readonly UnservedPart[] }
  | {
      readonly kind: "rejected";
      readonly errors: readonly string[];
      /** All errors in one text, for callers. */
      readonly reason: string;
    };

/** The state of the connection to the user function, for probes and people. */
export type UserFunctionStatus =
  /** `problem` is why the last try failed, empty if there was none yet; `code` is that of its `GrpcError`. */
  | { readonly kind: "connecting"; readonly problem: string; readonly code: GrpcErrorCode | undefined }
  | {
      readonly kind: "serving";
      readonly unserved: readonly UnservedPart[];
      /** Why it does not serve enough streams; undefined if it does. */
      readonly crowding: string | undefined;
    }
  | { readonly kind: "rejected"; readonly errors: readonly string[] };
