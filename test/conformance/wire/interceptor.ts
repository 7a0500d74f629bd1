// SPDX-License-Identifier: Apache-2.0

import type { Metadata, ServerDuplexStream } from "@grpc/grpc-js";
import { Client, credentials, Server, ServerCredentials, status } from "@grpc/grpc-js";

import { Inbox } from "./inbox.ts";
import { PROTOCOL_PATHS } from "./paths.ts";
import { asBuffer, asIs, bytesCall, onAnswers } from "./peer.ts";

/** A call that passed, with what each side sent. */
export interface Recorded {
  readonly path: string;
  readonly fromProxy: Inbox;
  readonly fromService: Inbox;
}

/** Replaces the bytes of a message. It is for the suite's own tests, which check that the suite finds faults. */
export type Tamper = (path: string, from: "proxy" | "service", bytes: Uint8Array) => Uint8Array;

export interface InterceptorOptions {
  /** Where it listens, for the proxy to find its user function there; port 0 is one of the system's choice. */
  readonly host: string;
  readonly port: number;
  /** `host:port` of the user function. */
  readonly service: string;
  readonly tamper?: Tamper;
}

/** Headers that belong to one connection, or that the next connection sets anew. */
const HOP_HEADERS = [
  "user-agent",
  "grpc-accept-encoding",
  "grpc-encoding",
  "grpc-timeout",
  "accept-encoding",
];

/**
 * Relays between a proxy and its user function, and records everything that passes.
 *
 * 1. Every message is relayed byte for byte, in order, and so are ends, resets, statuses and metadata.
 * 2. Every call is recorded, in the order in which calls begin, until it is claimed.
 */
export class Interceptor {
  readonly port: number;
  readonly #server: Server;
  readonly #client: Client;
  readonly #unclaimed: Recorded[];
  readonly #waiting: Set<() => void>;

  private constructor(port: number, server: Server, client: Client, state: InterceptorState) {
    this.port = port;
    this.#server = server;
    this.#client = client;
    this.#unclaimed = state.unclaimed;
    this.#waiting = state.waiting;
  }

  /** @throws Error if it cannot listen there. */
  static async listen({ host, port, service, tamper }: InterceptorOptions): Promise<Interceptor> {
    const client = new Client(service, credentials.createInsecure(), { "grpc.enable_retries": 0 });
    const state: InterceptorState = { unclaimed: [], waiting: new Set() };
    const server = new Server();
    const relay = (path: string) => (incoming: ServerDuplexStream<Uint8Array, Uint8Array>) => {
      const recorded: Recorded = { path, fromProxy: new Inbox(), fromService: new Inbox() };
      state.unclaimed.push(recorded);
      passOn(incoming, client, recorded, tamper);
      for (const look of state.waiting) look();
    };
    for (const path of PROTOCOL_PATHS) {
      server.addService({ relay: bytesMethod(path) }, { relay: relay(path) });
    }
    const bound = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`${host}:${port}`, ServerCredentials.createInsecure(), (error, got) =>
        error === null ? resolve(got) : reject(error),
      );
    });
    return new Interceptor(bound, server, client, state);
  }

  /** Claims the earliest unclaimed call of this path; undefined if none comes within this time. */
  async claim(path: string, withinMs: number): Promise<Recorded | undefined> {
    const find = (): number => this.#unclaimed.findIndex((recorded) => recorded.path === path);
    if (find() === -1) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, withinMs);
      const look = (): void => {
        if (find() !== -1) resolve();
      };
      this.#waiting.add(look);
      await promise;
      this.#waiting.delete(look);
      clearTimeout(timer);
    }
    const index = find();
    return index === -1 ? undefined : this.#unclaimed.splice(index, 1)[0];
  }

  /** Calls that are not claimed, in order. */
  get unclaimed(): readonly Recorded[] {
    return this.#unclaimed;
  }

  /** Takes all calls that are not claimed. */
  takeUnclaimed(): Recorded[] {
    return this.#unclaimed.splice(0);
  }

  close(): void {
    this.#server.forceShutdown();
    this.#client.close();
  }
}

interface InterceptorState {
  readonly unclaimed: Recorded[];
  readonly waiting: Set<() => void>;
}

function passOn(
  incoming: ServerDuplexStream<Uint8Array, Uint8Array>,
  client: Client,
  { path, fromProxy, fromService }: Recorded,
  tamper: Tamper = (_path, _from, bytes) => bytes,
): void {
  const outgoing = bytesCall(client, path, endToEnd(incoming.metadata));
  incoming.on("data", (given: Uint8Array) => {
    const bytes = tamper(path, "proxy", given);
    fromProxy.push({ kind: "message", bytes });
    outgoing.write(bytes);
  });
  let isReset = false;
  incoming.on("end", () => {
    // A reset ends the messages as well, and its event comes a moment later.
    setImmediate(() => {
      if (isReset) return;
      fromProxy.push({ kind: "completed" });
      outgoing.end();
    });
  });
  incoming.on("cancelled", () => {
    isReset = true;
    fromProxy.push({ kind: "failed", code: status.CANCELLED, text: "reset by the proxy" });
    outgoing.cancel();
  });
  incoming.on("error", () => undefined);

  outgoing.on("metadata", (metadata) => incoming.sendMetadata(endToEnd(metadata)));
  onAnswers(outgoing, {
    message: (given) => {
      const bytes = tamper(path, "service", given);
      fromService.push({ kind: "message", bytes });
      incoming.write(bytes);
    },
    end: ({ code, details, metadata }) => {
      if (code === status.OK) {
        fromService.push({ kind: "completed" });
        incoming.end(endToEnd(metadata));
      } else {
        fromService.push({ kind: "failed", code, text: details });
        incoming.emit("error", { code, details, metadata: endToEnd(metadata) });
      }
    },
  });
}

function endToEnd(metadata: Metadata): Metadata {
  const copy = metadata.clone();
  for (const name of HOP_HEADERS) copy.remove(name);
  return copy;
}

function bytesMethod(path: string) {
  return {
    path,
    requestStream: true,
    responseStream: true,
    requestSerialize: asBuffer,
    requestDeserialize: asIs,
    responseSerialize: asBuffer,
    responseDeserialize: asIs,
  } as const;
}
