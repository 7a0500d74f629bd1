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
import { FrameScan } from "./frame-scan.ts";
import type { Handshake } from "./handshake.ts";
import type { MessageFormat, Subprotocol } from "./message-format.ts";
import { messageFormat, wrongFrame } from "./message-format.ts";

/** Close codes (RFC 6455, 7.4). A failure has one of the codes for applications: this plus its gRPC status. */
const FAILURE = 4_000;
const DONE = 1_000;
const GOING_AWAY = 1_001;

/** A close reason has at most 123 bytes. */
const REASON = /^[\w.-]{1,123}$/;

/**
 * What `ws` takes in memory for a frame of a message whose last frame has not come, besides its bytes: a view of the
 * chunk that it came in, and a place in a list. Measured: 105 and 8 to 16 bytes.
 */
const FRAGMENT_BYTES = 128;

/** What a chunk takes besides its bytes: a buffer with memory of its own. Measured: 200 bytes in V8's heap, and 230. */
const CHUNK_BYTES = 512;

/** Of a chunk, so much is looked at before its frames are counted. */
const SCAN_BYTES = 4_096;

/** What a message takes that waits for the one before it, besides its bytes: a view, two closures and their context. */
const UNREAD_BYTES = 320;

/**
 * One call of a streamed method over one WebSocket: a message to a frame, in both directions.
 *
 * 1. An empty text frame ends the caller's messages, because WebSockets cannot be closed on one side and no message
 *    is empty text. Closing the WebSocket cancels the call.
 * 2. The caller gets one end, whatever the method or the caller does (I12): close code 1000, or a last text frame
 *    `{"error": …}` and the close code of the failure. If the caller breaks the WebSocket protocol, `ws` closes the
 *    connection with RFC 6455's codes.
 * 3. Nothing is read before the method has called `receive`, nor while the method pauses the call. Bytes of
 *    incomplete messages are counted in the caller's share (I11), with what their frames and the chunks in which they
 *    came take besides, as both may have one byte. A chunk counts as a whole, since a frame of one byte keeps it.
 *    Frames are counted as pieces, before `ws` makes anything of them.
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
  readonly #frames = new FrameScan();
  /** What a message that is incomplete takes; counted in the caller's share. */
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

  get gone(): boolean {
    return this.over;
  }

  get protocol(): CallProtocol {
    return "websocket";
  }

  start(method: BidiMethod): void {
    const socket = this.#socket;
    this.awaitRequest(this.#takesStream);
    // Runs before `ws` takes the bytes, because what they complete is given back before the method gets it.
    this.#connection.prependListener("data", (chunk: Buffer) => this.#onBytes(chunk));
    socket.on("message", (data: Buffer, isBinary: boolean) => this.#onFrame(data, isBinary));
    // The caller broke the WebSocket protocol. `ws` has sent the close code, and "close" follows.
    socket.on("error", () => this.callerGone());
    socket.on("close", () => {
      this.#keep(0);
      this.callerGone();
    });
    this.#call(() => this.follow(method.handle(this)));
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
        writing === undefined
          ? this.#format.write(bytes, this)
          : writing.then(() => this.#format.write(bytes, this));
      if (frame instanceof Promise) {
        this.#sendLater(frame);
        return false;
      }
      this.#socket.send(frame, { binary: this.#format.isBinary });
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
    // While the call is paused no pong is read: silence proves nothing, but a caller that has gone refuses the ping.
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
    if (this.over) return;
    const take = (): void => {
      if (frame.length === 0 && !isBinary) this.#onEndOfInput();
      else this.#onMessage(frame, isBinary);
    };
    if (this.#reading) this.#wait(frame.length + UNREAD_BYTES, take);
    else this.#call(take);
  }

  /** Keeps a message until the one before it has been converted. */
  #wait(size: number, take: () => void): void {
    if (!this.bytes.take(size)) return this.#refuse(bufferFull());
    this.#unread.push(() => {
      this.bytes.give(size);
      take();
    });
  }

  #onMessage(frame: Buffer, isBinary: boolean): void {
    if (this.#input !== "open") throw tooMany(this.#takesStream);
    if (isBinary !== this.#format.isBinary) throw wrongFrame(this.#subprotocol);
    // What came with it is kept too, and no longer counted: other messages of the same chunk may wait behind it.
    const { byteLength: keptBytes } = frame.buffer;
    const message = this.#format.read(frame, this);
    if (!this.#takesStream) this.#input = "taken";
    this.arrived();
    if (!(message instanceof Promise)) return this.#give(message);
    this.#reading = true;
    this.#socket.pause();
    this.bytes.overdraw(keptBytes);
    message.then(
      (converted) => this.#onRead(keptBytes, () => this.#give(converted)),
      (error: unknown) => this.#onRead(keptBytes, () => this.#failOwn(error)),
    );
  }

  /** A frame has been converted: gives it to the method, and then the frames that came with it. */
  #onRead(keptBytes: number, give: () => void): void {
    this.#reading = false;
    this.bytes.give(keptBytes);
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

  #sendLater(frame: Promise<string | Uint8Array>): void {
    const sent = frame.then(
      (converted) => {
        if (!this.over) this.#socket.send(converted, { binary: this.#format.isBinary });
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

  #onBytes(chunk: Buffer): void {
    this.#pinged = false;
    this.moved();
    const frames = this.#frames;
    const { length } = chunk;
    let newFragments = 0;
    let wasIdle = false;
    // In parts, because each frame takes time, and what is refused is not to take more of it.
    for (let from = 0; from < length; from += SCAN_BYTES) {
      const part = chunk.subarray(from, from + SCAN_BYTES);
      frames.read(part);
      newFragments += frames.newFragments;
      wasIdle ||= frames.wasIdle;
      if (this.request.takePieces(frames.newFrames, part.length, frames.newMessages)) continue;
      const text = "the messages come in too many frames of a few bytes; send larger ones";
      return this.#refuse(endpointError(Status.RESOURCE_EXHAUSTED, "TOO_MANY_PIECES", text), chunk);
    }
    const taken = length + CHUNK_BYTES + newFragments * FRAGMENT_BYTES;
    if (this.bytes.take(taken)) {
      this.#arrivingBytes += taken;
      // `ws` gives whole messages on in this turn. What came before them is no longer kept.
      if (frames.isIdle) this.#keep(0);
      else if (wasIdle) this.#keep(length + CHUNK_BYTES + frames.fragments * FRAGMENT_BYTES);
      if (length >= LARGE_CHUNK_BYTES) this.#holdForTurn();
      return;
    }
    this.#refuse(bufferFull(), chunk);
  }

  /** @param chunk what has just been read, if `ws` has yet to get it. */
  #refuse(error: StatusError, chunk?: Buffer): void {
    this.#failOwn(error);
    // Node gives `ws` the chunk, whatever happens to the listener. Zeros are no frame, so `ws` makes nothing of them.
    chunk?.fill(0);
    // The received bytes are kept until the connection is closed, so it is closed as soon as the error has been sent.
    // If the caller does not take the error, that takes a while, in which `ws` must not keep more.
    this.#connection.removeAllListeners("data");
    this.#connection.end(() => this.#connection.destroy());
  }

  /** Connections that have sent more than one read takes wait for a turn, so that others are read in between. */
  #holdForTurn(): void {
    this.#socket.pause();
    setImmediate(() => {
      if (!this.#paused && !this.#reading) this.#socket.resume();
    });
  }

  /** Gives back all but what is still incomplete. */
  #keep(bytes: number): void {
    this.bytes.give(this.#arrivingBytes - bytes);
    this.#arrivingBytes = bytes;
  }

  /** Ends the call by a failure that the method does not know of yet. */
  #failOwn(error: unknown): void {
    this.cancel();
    this.failWith(error);
  }

  #fail(error: StatusError, closeCode: number): void {
    if (this.over) return;
    this.settle(error.status, error.code);
    this.#socket.send(JSON.stringify({ error: errorStatus(error, this.context.options.telemetry.logger) }));
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

function bufferFull(): StatusError<EndpointErrorCode> {
  const text = "too many bytes of half-received messages are waiting; try again later";
  return endpointError(Status.RESOURCE_EXHAUSTED, "RECEIVE_BUFFER_FULL", text);
}

function tooMany(takesStream: boolean): StatusError<EndpointErrorCode> {
  const text = takesStream
    ? "nothing may follow the empty frame that ends the messages"
    : "this method takes one message";
  return endpointError(Status.INVALID_ARGUMENT, "MESSAGE_COUNT", text);
}
