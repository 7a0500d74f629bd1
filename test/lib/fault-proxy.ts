// SPDX-License-Identifier: Apache-2.0

import type { AddressInfo, Server, Socket } from "node:net";
import { connect, createServer } from "node:net";

import type { Random } from "../../pkg/base/mod.ts";
import { randomBelow } from "../../pkg/base/mod.ts";

import { resetSocket } from "./reset-socket.ts";

/**
 * A TCP proxy on the loopback interface that breaks connections as networks do.
 *
 * 1. Without a fault it forwards all bytes in both directions, in order, and the end of each direction.
 * 2. Faults look as they do with TCP. A reset is an RST on both sides. A half-open connection stays open and silent.
 *    A cut forwards a part of a piece and then sends an RST.
 * 3. A connection that has swallowed bytes never forwards any again: `heal` resets it.
 * 4. Which connections are hit, and where a piece is cut, is drawn from `random`. The user of the proxy decides when.
 * 5. It queues at most about `MAX_QUEUED_BYTES` in each direction. Then the sender has to wait.
 */
export class FaultProxy {
  readonly #server: Server;
  readonly #random: Random;
  readonly #connections = new Set<Connection>();
  #targetPort: number;
  #weather: Weather = { swallow: "nothing", delayMs: 0, refuse: false };

  /** Use `startFaultProxy`. */
  constructor(server: Server, targetPort: number, random: Random) {
    this.#server = server;
    this.#targetPort = targetPort;
    this.#random = random;
    server.on("connection", (client) => this.#accept(client));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Number of open connections, silent ones included. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Where connections go from now on, for a target that is known later than the proxy. */
  aim(targetPort: number): void {
    this.#targetPort = targetPort;
  }

  /** Resets some of the connections, at least one if there are any. Returns how many. */
  reset(): number {
    const victims = this.#draw();
    for (const victim of victims) victim.reset();
    return victims.length;
  }

  /** Resets every connection. */
  resetAll(): void {
    for (const connection of this.#connections) connection.reset();
  }

  /**
   * Cuts some connections, at least one: each forwards a part of its next piece in either direction, and is then
   * reset.
   */
  cut(): number {
    const victims = this.#draw();
    for (const victim of victims) victim.cut((length) => randomBelow(this.#random, length));
    return victims.length;
  }

  /** Swallows both directions of every connection, new ones included, and also their ends. */
  halfOpen(): void {
    this.#change({ swallow: "everything" });
  }

  /** Swallows everything that the target sends. Data to the target still arrives. */
  loseAnswers(): void {
    this.#change({ swallow: "answers" });
  }

  /** Swallows everything that is sent to the target. What the target sends still arrives. */
  loseQuestions(): void {
    this.#change({ swallow: "questions" });
  }

  /** Delays all data by this time from now on. */
  delay(delayMs: number): void {
    this.#change({ delayMs });
  }

  /** New connections are reset at once. */
  refuse(): void {
    this.#change({ refuse: true });
  }

  /** Ends all faults. */
  heal(): void {
    this.#change({ swallow: "nothing", delayMs: 0, refuse: false });
    for (const connection of this.#connections) if (connection.isSpoilt) connection.reset();
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.resetAll();
    await closed;
  }

  #accept(client: Socket): void {
    if (this.#weather.refuse) {
      client.on("error", ignore);
      resetSocket(client);
      return;
    }
    const target = connect({ host: HOST, port: this.#targetPort, allowHalfOpen: true });
    const connection = new Connection(client, target, () => this.#connections.delete(connection));
    connection.weather = this.#weather;
    this.#connections.add(connection);
  }

  #change(change: Partial<Weather>): void {
    this.#weather = { ...this.#weather, ...change };
    for (const connection of this.#connections) connection.weather = this.#weather;
  }

  #draw(): Connection[] {
    const all = [...this.#connections];
    const drawn = all.filter(() => this.#random() < 0.5);
    return drawn.length > 0 ? drawn : all.slice(0, 1);
  }
}

/** Starts a proxy on a port of the system's choice in front of a port of this machine. */
export async function startFaultProxy(targetPort: number, random: Random): Promise<FaultProxy> {
  const server = createServer({ allowHalfOpen: true });
  const proxy = new FaultProxy(server, targetPort, random);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, HOST, resolve);
  });
  return proxy;
}

interface Weather {
  readonly swallow: "nothing" | "questions" | "answers" | "everything";
  readonly delayMs: number;
  readonly refuse: boolean;
}

const HOST = "127.0.0.1";
const MAX_QUEUED_BYTES = 1_048_576;

/** The two sockets of one connection and what goes between them. */
class Connection {
  readonly #client: Socket;
  readonly #target: Socket;
  readonly #onGone: () => void;
  readonly #directions: readonly Direction[];
  weather: Weather = { swallow: "nothing", delayMs: 0, refuse: false };
  #isGone = false;

  constructor(client: Socket, target: Socket, onGone: () => void) {
    this.#client = client;
    this.#target = target;
    this.#onGone = onGone;
    const questions = new Direction(client, target, {
      swallows: () => ["questions", "everything"].includes(this.weather.swallow),
      delayMs: () => this.weather.delayMs,
      reset: () => this.reset(),
    });
    const answers = new Direction(target, client, {
      swallows: () => ["answers", "everything"].includes(this.weather.swallow),
      delayMs: () => this.weather.delayMs,
      reset: () => this.reset(),
    });
    this.#directions = [questions, answers];
    for (const socket of [client, target]) {
      socket.setNoDelay(true);
      socket.on("error", () => this.#onBroken());
      // A side that closes without an error has ended its direction before, and `Direction` has forwarded that.
      socket.on("close", () => this.#onClosed());
    }
  }

  /** True if bytes were swallowed, or if one side is gone. */
  get isSpoilt(): boolean {
    const isOneSided = this.#client.destroyed || this.#target.destroyed;
    return isOneSided || this.#directions.some((direction) => direction.hasSwallowed);
  }

  reset(): void {
    for (const direction of this.#directions) direction.stop();
    for (const socket of [this.#client, this.#target]) resetSocket(socket);
    this.#gone();
  }

  /** `lengthOf` returns how many bytes of a piece are forwarded. */
  cut(lengthOf: (length: number) => number): void {
    for (const direction of this.#directions) direction.cut(lengthOf);
  }

  /** One side was reset, so the other one is reset as well, unless the connection is to be silent. */
  #onBroken(): void {
    if (this.weather.swallow === "nothing") this.reset();
  }

  #onClosed(): void {
    if (this.#client.destroyed && this.#target.destroyed) this.#gone();
  }

  #gone(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#onGone();
  }
}

interface DirectionRules {
  readonly swallows: () => boolean;
  readonly delayMs: () => number;
  readonly reset: () => void;
}

/** The data from one socket to the other. */
class Direction {
  readonly #source: Socket;
  readonly #sink: Socket;
  readonly #rules: DirectionRules;
  /** Delayed pieces. `undefined` is the end of the data. */
  readonly #queue: { readonly dueMs: number; readonly piece: Buffer | undefined }[] = [];
  #queuedBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #cut: ((length: number) => number) | undefined;
  #hasSwallowed = false;

  constructor(source: Socket, sink: Socket, rules: DirectionRules) {
    this.#source = source;
    this.#sink = sink;
    this.#rules = rules;
    source.on("data", (piece) => this.#take(piece));
    source.on("end", () => this.#take(undefined));
    sink.on("drain", () => this.#resume());
  }

  get hasSwallowed(): boolean {
    return this.#hasSwallowed;
  }

  cut(lengthOf: (length: number) => number): void {
    this.#cut = lengthOf;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#queue.length = 0;
    this.#queuedBytes = 0;
  }

  #take(piece: Buffer | undefined): void {
    if (this.#rules.swallows()) {
      this.#hasSwallowed = true;
      return;
    }
    const delayMs = this.#rules.delayMs();
    if (delayMs === 0 && this.#queue.length === 0) {
      this.#pass(piece);
      return;
    }
    this.#queue.push({ dueMs: performance.now() + delayMs, piece });
    this.#queuedBytes += piece?.length ?? 0;
    if (this.#queuedBytes > MAX_QUEUED_BYTES) this.#source.pause();
    this.#timer ??= setTimeout(() => this.#passDue(), delayMs);
  }

  #passDue(): void {
    this.#timer = undefined;
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      const waitMs = first.dueMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#passDue(), Math.ceil(waitMs));
        return;
      }
      this.#queue.shift();
      this.#queuedBytes -= first.piece?.length ?? 0;
      this.#pass(first.piece);
    }
    this.#resume();
  }

  #pass(piece: Buffer | undefined): void {
    if (this.#rules.swallows()) {
      this.#hasSwallowed = true;
      return;
    }
    if (piece === undefined) {
      this.#sink.end();
      return;
    }
    if (this.#cut !== undefined) {
      const { reset } = this.#rules;
      this.#sink.write(piece.subarray(0, this.#cut(piece.length)), () => reset());
      this.#cut = () => 0;
      return;
    }
    if (!this.#sink.write(piece)) this.#source.pause();
  }

  #resume(): void {
    if (this.#queuedBytes <= MAX_QUEUED_BYTES && !this.#sink.writableNeedDrain) this.#source.resume();
  }
}

function ignore(): void {
  // The client gets the reset.
}
