// SPDX-License-Identifier: Apache-2.0

import { toBinary } from "@bufbuild/protobuf";

import { backoffMs, describeError, sleep } from "../base/mod.ts";
import type { Account, Clock, Logger, Random } from "../base/mod.ts";
import { connect, Status, StatusError } from "../grpc/mod.ts";
import type { CallOptions, ClientStream, Connection, StreamHandlers, UnaryReply } from "../grpc/mod.ts";
import {
  EntitySpecSchema,
  MessageError,
  ProxyInfoSchema,
  readMessage,
  UserFunctionErrorSchema,
} from "../protocol/mod.ts";
import type { EntitySpec } from "../protocol/mod.ts";

import type { UserFunctionOptions } from "./options.ts";
import { Reports } from "./reports.ts";
import type { UserFunctionSpec } from "./spec.ts";
import { PROTOCOL_MAJOR, PROTOCOL_MINOR, validateSpec, versionError } from "./validate.ts";

export interface UserFunctionDependencies {
  readonly options: UserFunctionOptions;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Takes the memory of messages that have not arrived whole, in bytes. */
  readonly memory: Account;
  readonly proxyName: string;
  readonly proxyVersion: string;
  /** Exactly the entity types that the proxy can serve. */
  readonly supportedTypes: readonly string[];
  /** What else may be wrong with a spec that is whole in itself, as its HTTP rules. */
  readonly checkSpec: (spec: UserFunctionSpec) => readonly string[];
  /** What is served changed; undefined while nothing is. */
  readonly onSpec: (spec: UserFunctionSpec | undefined) => void;
  /** The user function was refused; what its developer has to change. */
  readonly onRejected: (errors: readonly string[]) => void;
}

/** Opens streams to the user function. */
export interface StreamOpener {
  /** @throws StatusError `USER_FUNCTION_UNAVAILABLE` while it is not there. */
  open(path: string, handlers: StreamHandlers): ClientStream;
  /**
   * One message there, one back. The bytes may not be changed before the call is over.
   *
   * @throws StatusError the user function's own (a `CallError`), or `USER_FUNCTION_UNAVAILABLE` while it is not there.
   */
  unary(path: string, bytes: Uint8Array, options: CallOptions): Promise<UnaryReply>;
  /** Streams that the user function takes at a time. */
  readonly maxStreams: number;
}

/** Reports that wait for an answer at the same time; further ones are only logged. */
const MAX_OPEN_REPORTS = 16;

/** How long the user function may take to acknowledge a report, in milliseconds. */
const REPORT_TIMEOUT_MS = 5_000;

/** From one line that says why the user function is not there to the next with the same reason, in milliseconds. */
const REMIND_MS = 30_000;

/**
 * The user function as the proxy sees it: one connection, found again whenever it is lost.
 *
 *     connecting ──▶ discovering ──▶ serving ──▶ lost ──▶ connecting …
 *         ▲ back-off      │    └──▶ rejected ──▶ lost
 *         └───────────────┘
 *
 * 1. `discover` is called once per connection; a user function that comes back, perhaps changed, is asked anew.
 * 2. A spec with errors is final for its connection: each error is reported once, nothing is served, nothing retried.
 * 3. `onSpec` hears a spec when serving begins and undefined when it ends, in turn.
 * 4. Whatever the user function says or fails to say, the proxy stays up (I12).
 * 5. Why it is not there is said in the log when the reason changes, and again every `REMIND_MS` while it stays.
 */
export class UserFunction implements StreamOpener {
  readonly #dependencies: UserFunctionDependencies;
  readonly #stopped = new AbortController();
  #state: State = { kind: "connecting" };
  #problem: Problem = NO_PROBLEM;
  /** When it was last said, by the monotonic clock. */
  #saidMs = 0;
  /** The one that is looked after now, in whatever state. */
  #connection: Connection | undefined;
  readonly #reports: Reports;
  #openReports = 0;
  #finished: Promise<void> = Promise.resolve();

  constructor(dependencies: UserFunctionDependencies) {
    this.#dependencies = dependencies;
    this.#reports = new Reports(dependencies.clock, (text) => this.#tell(text));
  }

  /** Starts looking for the user function, for ever, until `stop`. */
  start(): void {
    this.#finished = this.#run();
  }

  get status(): UserFunctionStatus {
    const state = this.#state;
    switch (state.kind) {
      case "connecting":
        return { kind: "connecting", problem: this.#problem.text, code: this.#problem.code };
      case "serving":
        return { kind: "serving" };
      case "rejected":
        return { kind: "rejected", errors: state.errors };
    }
  }

  open(path: string, handlers: StreamHandlers): ClientStream {
    return this.#usable().open(path, handlers);
  }

  async unary(path: string, bytes: Uint8Array, options: CallOptions): Promise<UnaryReply> {
    return this.#usable().unary(path, bytes, options);
  }

  get maxStreams(): number {
    return this.#state.kind === "serving" ? this.#state.connection.maxStreams : Number.POSITIVE_INFINITY;
  }

  /** Tells the user function's developer what it did wrong, now and then how often. Never fails, never waits. */
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
    if (this.#state.kind !== "serving" || !this.#state.connection.usable) {
      const { host, port } = this.#dependencies.options;
      const text = `the user function at ${host}:${port} is not available; try again later`;
      throw new StatusError(Status.UNAVAILABLE, "USER_FUNCTION_UNAVAILABLE", text);
    }
    return this.#state.connection;
  }

  async #run(): Promise<void> {
    const { options, clock, random, onSpec } = this.#dependencies;
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
        if (wasServing) {
          this.#reports.flush();
          onSpec(undefined);
        }
      }
      if (!signal.aborted)
        await sleep(clock, backoffMs(Math.max(attempt, 1), options.backoff, random), signal);
    }
  }

  /** Keeps why it is not there, and says it (5); what is not said to people is there for whoever looks closer. */
  #missed(attempt: number, error: unknown): void {
    const { options, clock, logger } = this.#dependencies;
    const text = describeError(error);
    const isNew = text !== this.#problem.text;
    this.#problem = { text, code: error instanceof StatusError ? error.code : undefined };
    const nowMs = clock.monotonicMs();
    // Rather a little early: the next try may be the longest wait away.
    const waitMs = Math.min(options.backoff.maxMs, REMIND_MS / 2);
    const isDue = isNew || nowMs - this.#saidMs + waitMs > REMIND_MS;
    if (isDue) this.#saidMs = nowMs;
    const at = `${options.host}:${options.port}`;
    logger[isDue ? "info" : "debug"]("user function is not available yet", { at, attempt, error: text });
  }

  async #connect(): Promise<Connection> {
    const { options, clock, memory } = this.#dependencies;
    const { host, port, connectTimeoutMs, maxReceiveBytes, keepAliveIntervalMs, keepAliveTimeoutMs } =
      options;
    return connect({
      host,
      port,
      clock,
      memory,
      connectTimeoutMs,
      maxReceiveBytes,
      keepAliveIntervalMs,
      keepAliveTimeoutMs,
    });
  }

  /** @returns MessageError if the answer is one that is not read. */
  async #discover(connection: Connection): Promise<EntitySpec | MessageError> {
    const { options, proxyName, proxyVersion, supportedTypes } = this.#dependencies;
    const info = toBinary(ProxyInfoSchema, {
      $typeName: "cloudstate.ProxyInfo",
      protocolMajorVersion: PROTOCOL_MAJOR,
      protocolMinorVersion: PROTOCOL_MINOR,
      proxyName,
      proxyVersion,
      supportedEntityTypes: [...supportedTypes],
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
    const { logger, onSpec, onRejected } = this.#dependencies;
    const ended = new Promise<void>((resolve) => connection.onClose(() => resolve()));
    const { spec, errors } =
      entitySpec instanceof MessageError ? { errors: [entitySpec.message] } : this.#check(entitySpec);
    if (spec === undefined) {
      this.#state = { kind: "rejected", errors };
      logger.error("user function was refused", { errors });
      onRejected(errors);
      for (const error of errors) await this.#report(connection, error);
    } else {
      this.#state = { kind: "serving", connection };
      logger.info("user function found", {
        description: spec.description,
        services: [...spec.services.keys()],
      });
      onSpec(spec);
    }
    await ended;
    logger.info("user function connection ended");
  }

  #check(entitySpec: EntitySpec): { readonly spec?: UserFunctionSpec; readonly errors: readonly string[] } {
    const { options, supportedTypes, checkSpec, logger } = this.#dependencies;
    const wrongVersion = versionError(entitySpec.serviceInfo);
    if (wrongVersion !== undefined && options.protocolCheck) return { errors: [wrongVersion] };
    if (wrongVersion !== undefined) logger.warn("protocol version is not checked", { error: wrongVersion });
    const validation = validateSpec(entitySpec, supportedTypes, options.maxMessageFields);
    if (!validation.ok) return { errors: validation.errors };
    const errors = checkSpec(validation.spec);
    return errors.length > 0 ? { errors } : { spec: validation.spec, errors };
  }

  #tell(message: string): void {
    this.#dependencies.logger.warn("reported to the user function", { message });
    if (this.#state.kind === "serving") void this.#report(this.#state.connection, message);
  }

  async #report(connection: Connection, message: string): Promise<void> {
    if (this.#openReports >= MAX_OPEN_REPORTS) return;
    this.#openReports++;
    try {
      const request = toBinary(UserFunctionErrorSchema, {
        $typeName: "cloudstate.UserFunctionError",
        message,
      });
      const timeoutMs = REPORT_TIMEOUT_MS;
      await connection.unary("/cloudstate.EntityDiscovery/reportError", request, { timeoutMs });
    } catch (error) {
      this.#dependencies.logger.debug("report did not arrive", { error: describeError(error) });
    } finally {
      this.#openReports--;
    }
  }
}

interface Problem {
  /** Empty if there is none. */
  readonly text: string;
  /** That of the error, if it was a `StatusError`. */
  readonly code: string | undefined;
}

const NO_PROBLEM: Problem = { text: "", code: undefined };

type State =
  | { readonly kind: "connecting" }
  | { readonly kind: "serving"; readonly connection: Connection }
  | { readonly kind: "rejected"; readonly errors: readonly string[] };

/** Where the proxy stands with its user function, for probes and people. */
export type UserFunctionStatus =
  /** `problem` is why the last try failed, empty if there was none yet; `code` is that of its `StatusError`. */
  | { readonly kind: "connecting"; readonly problem: string; readonly code: string | undefined }
  | { readonly kind: "serving" }
  | { readonly kind: "rejected"; readonly errors: readonly string[] };
