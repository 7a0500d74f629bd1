// SPDX-License-Identifier: Apache-2.0

import type { ClientDuplexStream, StatusObject } from "@grpc/grpc-js";
import { Client, credentials, Metadata, status } from "@grpc/grpc-js";

import { Inbox } from "./inbox.ts";

/** A call of any shape: on the wire they differ only in how many messages there are. */
export interface Call {
  /** What the other side sends. */
  readonly answers: Inbox;
  send(bytes: Uint8Array): void;
  /** Nothing more will be sent. */
  complete(): void;
  /** Whether the other side may still be sent anything: false after it has ended the call. */
  readonly isOpen: boolean;
}

/** A client of a gRPC server without TLS, which sends and receives plain bytes. */
export class Peer {
  readonly #client: Client;
  readonly #calls = new Set<ClientDuplexStream<Uint8Array, Uint8Array>>();

  /** @param address `host:port`. */
  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure(), { "grpc.enable_retries": 0 });
  }

  /** Begins a call of `/package.Service/method`. */
  open(path: string): Call {
    const stream = bytesCall(this.#client, path, new Metadata());
    this.#calls.add(stream);
    const answers = new Inbox();
    let isOpen = true;
    onAnswers(stream, {
      message: (bytes) => answers.push({ kind: "message", bytes }),
      end: ({ code, details }) => {
        isOpen = false;
        this.#calls.delete(stream);
        answers.push(code === status.OK ? { kind: "completed" } : { kind: "failed", code, text: details });
      },
    });
    return {
      answers,
      send: (bytes) => void stream.write(bytes),
      complete: () => void stream.end(),
      get isOpen() {
        return isOpen;
      },
    };
  }

  /** Resets what is open. */
  reset(): void {
    for (const stream of this.#calls) stream.cancel();
  }

  close(): void {
    this.reset();
    this.#client.close();
  }
}

/** Begins a call whose messages go as they are. */
export function bytesCall(
  client: Client,
  path: string,
  metadata: Metadata,
): ClientDuplexStream<Uint8Array, Uint8Array> {
  return client.makeBidiStreamRequest(path, asBuffer, asIs, metadata);
}

/** Calls back for each message of a call's answer, and then for its end. */
export function onAnswers(
  stream: ClientDuplexStream<Uint8Array, Uint8Array>,
  { message, end }: { message: (bytes: Uint8Array) => void; end: (status: StatusObject) => void },
): void {
  let outcome: StatusObject | undefined;
  stream.on("data", message);
  // The status comes with, or before, the end of the messages.
  stream.on("status", (given) => (outcome = given));
  stream.on("end", () => {
    end(outcome ?? { code: status.UNKNOWN, details: "no status", metadata: new Metadata() });
  });
  // It is in the status, too.
  stream.on("error", () => undefined);
}

export const asIs = (bytes: Buffer): Buffer => bytes;

/** Makes a `Buffer` of the same bytes, because grpc-js copies with methods that only buffers have. */
export const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
