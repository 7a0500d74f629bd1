// SPDX-License-Identifier: Apache-2.0

import type { Socket } from "node:net";

import type { WebSocket } from "ws";

import { assert } from "../../base/mod.ts";
import type {
  BidiMethod,
  CallProtocol,
  OpenRequest,
  ServerContext,
  ServerStreamCall,
  ServerStreamHandlers,
  StatusError,
} from "../../grpc/mod.ts";
import { CallState, Status } from "../../grpc/mod.ts";

import type { EndpointErrorCode } from "../endpoint-error.ts";
import { endpointError, proxyStopping } from "../endpoint-error.ts";
import { LARGE_CHUNK_BYTES } from "../http/body.ts";
import { errorStatus } from "../http/error-response.ts";
import type { Handshake } from "./handshake.ts";
import type { MessageFormat, Subprotocol } from "./message-format.ts";
import { messageFormat, wrongFrame } from "./message-format.ts";

/** Close codes (RFC 6455, 7.4). A failure has one of the codes for applications: this plus its gRPC status. */
const FAILURE = 4_000;
const DONE = 1_000;
const GOING_AWAY = 1_001;

/** A close reason has at most 123 bytes. */
const REASON = /^[\w.-]{1,123}$/;

/** Bytes of a control frame from a caller besides its data: two, and the mask. */
const CONTROL_FRAME_BYTES = 6;

/**
 * One call of a streamed method over one WebSocket: a message to a frame, in both directions.
 *
 * 1. An empty text frame ends the caller's messages, because WebSockets cannot be closed on one side and no message
 *    is empty text. Closing the WebSocket cancels the call.
 * 2. The caller gets one end, whatever the method or the caller does (I12): close code 1000, or a last text frame
 *    `{"error": …}` and the close code of the failure. If the caller breaks the WebSocket protocol, `ws` closes the
 *    connection with RFC 6455's codes.
 * 3. Nothing is read before the method has called `receive`, nor while the method pauses the call. Bytes of
 *    incomplete messages are counted in the caller's share (I11).
 * 4. A caller who is read and stays silent is pinged. If it does not answer, its connection is broken.
 * 5. Messages keep their order in both directions, even if one takes a while to be converted. No more is read from
 *    the caller until the method has that message.
 */
export class WebSocketCall extends CallState implements ServerStreamCall {
  readonly path: string;
  readonly #socket: WebSocket;
  readonly #connection: Socket;
  readonly #subprotocol: Subprotocol;
  readonly #format: MessageFormat;
  readonly #takesStream: boolean;
  #handlers: ServerStreamHandlers | undefined;
  /** `taken`: the method's only message has come, and the end of messages is still allowed. */
  #input: "open" | "taken" | "ended" = "open";
  #paused = true;
  #pinged = false;
  /** Bytes of a message that is incomplete; counted in the caller's share. */
  #arrivingBytes = 0;
  /** A frame is being converted; frames that came with it wait in `#unread`. */
  #reading = false;
  readonly #unread: (() => void)[] = [];
  /** Settles when the replies that are being converted have been sent. */
  #writing: Promise<void> | undefined;

  constructor(
    context: ServerContext,
    request: OpenRequest,
    handshake: Handshake,
    socket: WebSocket,
    connection: Socket,
  ) {
    super(context, request, handshake.headers, handshake.rawHeaders);
    const { method, subprotocol, path } = handshake;
    this.path = path;
    this.#socket = socket;
    this.#connection = connection;
    this.#subprotocol = subprotocol;
    this.#format = messageFormat(subprotocol, method.codec);
    this.#takesStream = method.desc.methodKind !== "server_streaming";
    socket.pause();
  }

  get protocol(): CallProtocol {
    return "websocket";
  }

  start(method: BidiMethod): void {
    const socket = this.#socket;
    this.awaitRequest(this.#takesStream);
    // Runs before `ws` takes the bytes, because the message that they complete gives them back.
    this.#connection.prependListener("data", (chunk: Buffer) => this.#onBytes(chunk.length));
    socket.on("message", (data: Buffer, isBinary: boolean) => this.#onFrame(data, isBinary));
    socket.on("ping", (data: Buffer) => this.#giveBack(data.length + CONTROL_FRAME_BYTES));
    socket.on("pong", (data: Buffer) => this.#giveBack(data.length + CONTROL_FRAME_BYTES));
    // The caller broke the WebSocket protocol. `ws` has sent the close code, and "close" follows.
    socket.on("error", () => this.callerGone());
    socket.on("close", () => {
      this.#giveBack(this.#arrivingBytes);
      this.callerGone();
    });
    this.#call(() => {
      const handled = method.handle(this);
      if (!(handled instanceof Promise)) return;
      this.during(handled);
      handled.catch((error: unknown) => this.failWith(error));
    });
  }

  receive(handlers: ServerStreamHandlers): void {
    assert(this.#handlers === undefined, "a call is received once");
    this.#handlers = handlers;
    this.resume();
  }

  send(bytes: Uint8Array): boolean {
    if (this.over) return false;
    this.moved();
    if (this.#takesStream) this.arrived();
    try {
      const writing = this.#writing;
      const frame =
        writing === undefined ? this.#format.write(bytes) : writing.then(() => this.#format.write(bytes));
      if (frame instanceof Promise) {
        this.#sendLater(frame);
        return false;
      }
      this.#sendFrame(frame);
      return !this.#connection.writableNeedDrain;
    } catch (error) {
      this.#failOwn(error);
      return false;
    }
  }

  async drained(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    if (!this.over) await this.taken(this.#connection);
  }

  /** Stops reading from the caller. Does nothing after its last message, because then its closing must be read. */
  pause(): void {
    if (this.over || this.#input !== "open") return;
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    if (!this.#reading || this.over) this.#socket.resume();
  }

  end(): void {
    if (this.over) return;
    if (this.#writing !== undefined) {
      void this.#writing.then(() => this.end());
      return;
    }
    this.settle();
    this.#socket.close(DONE);
  }

  fail(error: StatusError): void {
    this.#fail(error, FAILURE + error.status);
  }

  /** The proxy is about to end. */
  goAway(): void {
    if (this.over) return;
    this.cancel();
    this.#fail(proxyStopping(), GOING_AWAY);
  }

  /** To be called when the caller has been silent for a while. Returns whether to check it again. */
  silent(): boolean {
    // A caller that does not read its data would not see a ping either; its connection has its own time-out.
    if (this.#connection.writableLength > 0) return true;
    // While the call is paused no pong is read, so silence proves nothing; but a caller that has gone refuses the
    // ping.
    if (this.#pinged && !this.#paused) {
      this.terminate();
      return false;
    }
    this.#pinged = true;
    this.#socket.ping();
    return true;
  }

  /** Breaks the connection. */
  terminate(): void {
    this.#socket.terminate();
  }

  protected override settle(status?: Status, code?: string): void {
    super.settle(status, code);
    // Further messages of the caller are dropped, but they are read because its closing must be read.
    this.resume();
  }

  #onFrame(frame: Buffer, isBinary: boolean): void {
    this.#giveBack(this.#arrivingBytes);
    if (this.over) return;
    const take = (): void => {
      if (frame.length === 0 && !isBinary) this.#onEndOfInput();
      else this.#onMessage(frame, isBinary);
    };
    if (this.#reading) this.#unread.push(take);
    else this.#call(take);
  }

  #onMessage(frame: Buffer, isBinary: boolean): void {
    if (this.#input !== "open") throw tooMany(this.#takesStream);
    if (isBinary !== this.#format.isBinary) throw wrongFrame(this.#subprotocol);
    const { length } = frame;
    const message = this.#format.read(frame, this);
    if (!this.#takesStream) this.#input = "taken";
    this.arrived();
    if (!(message instanceof Promise)) return this.#give(message);
    this.#reading = true;
    this.#socket.pause();
    this.bytes.overdraw(length);
    message.then(
      (converted) => this.#onRead(length, () => this.#give(converted)),
      (error: unknown) => this.#onRead(length, () => this.#failOwn(error)),
    );
  }

  /** A frame has been converted: gives it to the method, and then the frames that came with it. */
  #onRead(length: number, give: () => void): void {
    this.#reading = false;
    this.bytes.give(length);
    for (let take: (() => void) | undefined = give; take !== undefined; take = this.#unread.shift()) {
      if (this.over) return;
      this.#call(take);
      if (this.#reading) return;
    }
    if (!this.#paused) this.#socket.resume();
  }

  #give(message: Uint8Array): void {
    this.#handlers?.onMessage(message);
    if (!this.#takesStream) this.#handlers?.onHalfClose();
  }

  #sendFrame(frame: string | Uint8Array): void {
    this.#socket.send(frame, { binary: this.#format.isBinary });
  }

  #sendLater(frame: Promise<string | Uint8Array>): void {
    const sent = frame.then(
      (converted) => {
        if (!this.over) this.#sendFrame(converted);
      },
      (error: unknown) => this.#failOwn(error),
    );
    const writing = sent.then(() => {
      if (this.#writing === writing) this.#writing = undefined;
    });
    this.#writing = writing;
  }

  #onEndOfInput(): void {
    const wasOpen = this.#input === "open";
    if (this.#input === "ended") throw tooMany(this.#takesStream);
    this.#input = "ended";
    if (wasOpen) this.#handlers?.onHalfClose();
    this.resume();
  }

  #onBytes(length: number): void {
    this.#pinged = false;
    this.moved();
    if (this.bytes.take(length)) {
      this.#arrivingBytes += length;
      if (length >= LARGE_CHUNK_BYTES) this.#holdForTurn();
      return;
    }
    const text = "too many bytes of half-received messages are waiting; try again later";
    this.#failOwn(endpointError(Status.RESOURCE_EXHAUSTED, "RECEIVE_BUFFER_FULL", text));
    // The received bytes are kept until the connection is closed, so it is closed as soon as the error has been sent.
    this.#connection.end(() => this.#connection.destroy());
  }

  /** Connections that have sent more than one read takes wait for a turn, so that others are read in between. */
  #holdForTurn(): void {
    this.#socket.pause();
    setImmediate(() => {
      if (!this.#paused && !this.#reading) this.#socket.resume();
    });
  }

  #giveBack(bytes: number): void {
    const freed = Math.min(bytes, this.#arrivingBytes);
    this.#arrivingBytes -= freed;
    this.bytes.give(freed);
  }

  /** Ends the call by a failure that the method does not know of yet. */
  #failOwn(error: unknown): void {
    this.cancel();
    this.failWith(error);
  }

  #fail(error: StatusError, closeCode: number): void {
    if (this.over) return;
    this.settle(error.status, error.code);
    this.#socket.send(JSON.stringify({ error: errorStatus(error, this.context.options.logger) }));
    this.#socket.close(closeCode, REASON.test(error.code) ? error.code : undefined);
  }

  #call(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#failOwn(error);
    }
  }
}

function tooMany(takesStream: boolean): StatusError<EndpointErrorCode> {
  const text = takesStream
    ? "nothing may follow the empty frame that ends the messages"
    : "this method takes one message";
  return endpointError(Status.INVALID_ARGUMENT, "MESSAGE_COUNT", text);
}
