// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";

import {
  ACK,
  clientPreface,
  END_STREAM,
  FrameType,
  frame,
  HEADER_BYTES,
  requestOn,
  requestTemplate,
} from "./h2-frames.ts";
import type { LoadCall } from "./job.ts";
import { grpcBody, grpcPath, prepared } from "./requests.ts";
import type { Client } from "./run.ts";

/** As many clients would. On a single connection all would move in lockstep, in one burst per turn of the loop. */
const CALLERS_PER_CONNECTION = 8;

/** Opens HTTP/2 connections, each shared by eight callers. Call `probe` before, because this client checks little. */
export async function connectH2(port: number, call: LoadCall, callers: number): Promise<Client> {
  const sockets = Array.from({ length: Math.ceil(callers / CALLERS_PER_CONNECTION) }, () =>
    connect({ host: "127.0.0.1", port, noDelay: true }),
  );
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
  const lines = sockets.map((socket) => new H2Line(socket));
  const path = grpcPath(call);
  const templates = prepared((entity) => requestTemplate(path, grpcBody(call, entity)));
  return {
    call: async (caller, entity) =>
      lines[Math.floor(caller / CALLERS_PER_CONNECTION)]?.exchange(templates(entity)),
    close: () => lines.forEach((line) => line.close()),
  };
}

interface Exchange {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  answered: boolean;
}

/**
 * A client of HTTP/2 that costs a tenth of Node's own, so that the processors are left to what is measured.
 *
 * 1. Requests differ only in the number of their stream. Those that begin in one turn of the event loop are one write.
 * 2. Headers are not decoded. A response is good if it has data and ends, because that of a failed gRPC call has none.
 * 3. Flow control windows are not counted, because what a caller may have in flight is far below the peer's windows.
 */
class H2Line {
  readonly #socket: Socket;
  readonly #open = new Map<number, Exchange>();
  #nextStreamId = 1;
  #toSend: Buffer[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #ended: Error | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => this.#onData(chunk));
    socket.on("error", (error) => this.#end(error));
    socket.on("close", () => this.#end(new Error("the connection was closed")));
    socket.write(clientPreface());
  }

  exchange(template: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended);
      const streamId = this.#nextStreamId;
      this.#nextStreamId += 2;
      this.#open.set(streamId, { resolve, reject, answered: false });
      this.#send(requestOn(streamId, template));
    });
  }

  close(): void {
    this.#open.clear();
    this.#socket.destroy();
  }

  #send(bytes: Buffer): void {
    this.#toSend.push(bytes);
    // After the promises of this turn, because callers that they resume may have requests too.
    if (this.#toSend.length > 1) return;
    process.nextTick(() => {
      const all = this.#toSend;
      this.#toSend = [];
      if (this.#ended === undefined) this.#socket.write(Buffer.concat(all));
    });
  }

  #onData(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= HEADER_BYTES) {
      const end = at + HEADER_BYTES + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      this.#onFrame(bytes, at, end);
      at = end;
    }
    this.#rest = bytes.subarray(at);
  }

  /** One frame, from the byte `at` up to `end`. */
  #onFrame(bytes: Buffer, at: number, end: number): void {
    const type = bytes.readUInt8(at + 3);
    const flags = bytes.readUInt8(at + 4);
    const streamId = bytes.readUInt32BE(at + 5);
    const payload = at + HEADER_BYTES;
    const isAck = (flags & ACK) !== 0;
    switch (type) {
      case FrameType.data:
      case FrameType.headers:
        return this.#onAnswer(streamId, type === FrameType.data && end > payload, (flags & END_STREAM) !== 0);
      case FrameType.resetStream:
        // A server may also reset a stream after its response, when the stream is no longer open.
        return this.#fail(streamId, `stream reset with code ${bytes.readUInt32BE(payload)}`);
      case FrameType.settings:
        return isAck ? undefined : this.#send(frame(type, ACK, 0, Buffer.alloc(0)));
      case FrameType.ping:
        return isAck ? undefined : this.#send(frame(type, ACK, 0, bytes.subarray(payload, end)));
      case FrameType.goAway:
        return this.#end(new Error(`the server ends with code ${bytes.readUInt32BE(payload + 4)}`));
      default:
    }
  }

  #onAnswer(streamId: number, hasData: boolean, last: boolean): void {
    const exchange = this.#open.get(streamId);
    if (exchange === undefined) return;
    if (hasData) exchange.answered = true;
    if (!last) return;
    if (!exchange.answered) return this.#fail(streamId, "the call failed: its answer has no message");
    this.#open.delete(streamId);
    exchange.resolve();
  }

  #fail(streamId: number, text: string): void {
    this.#open.get(streamId)?.reject(new Error(text));
    this.#open.delete(streamId);
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const { reject } of this.#open.values()) reject(error);
    this.#open.clear();
  }
}
