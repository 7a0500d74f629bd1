// SPDX-License-Identifier: Apache-2.0

/**
 * Replies in a stream as the pieces of one answer.
 *
 * 1. The answer begins with the first reply, whose metadata are its headers. A failure before that is answered like
 *    any other error.
 * 2. A reply is asked for when the one before has been taken (I11).
 * 3. A later failure is the last thing that the caller gets, in the answer's own format. Where the format has no
 *    place for it, the answer is broken off. In both cases the caller does not take the answer for complete.
 * 4. If the reader of the pieces stops, the source is cancelled.
 */

import { settlesWithin } from "../../base/mod.ts";
import type { Metadata } from "../../protocol/mod.ts";
import { NO_METADATA } from "../../protocol/mod.ts";
import type { CommandReply } from "../../router/mod.ts";

import type { JsonCodec } from "../json/json-codec.ts";
import type { TextCall } from "../json/json-thread.ts";
import { replyHeaders } from "../metadata.ts";
import type { ServingContext } from "../serving.ts";
import { errorStatus } from "./error-response.ts";
import type { HttpRequest, StreamedHttpResponse } from "./exchange.ts";
import type { HttpBinding } from "./http-rule.ts";
import type { ReplyBody } from "./reply-json.ts";
import { answersWithBytes, BYTES_TYPE, headerValue } from "./reply-json.ts";

/** How replies, and a failure after them, are written. */
interface Format {
  piece(payload: Uint8Array, call: TextCall): ReplyBody | Promise<ReplyBody>;
  /** Of the answer. */
  contentType(first: ReplyBody | undefined, metadata: Metadata): string;
  /** The text of a failure, from its status as JSON; undefined if the format has no place for it. */
  failure(status: string): string | undefined;
  /** A text without meaning that may be sent between replies; undefined if the format has none. */
  readonly filler?: string;
  readonly headers: readonly string[];
}

type StreamContext = Pick<ServingContext, "streamKeepAliveMs" | "clock" | "telemetry">;

/** Makes one answer of the replies to one request. */
export type StreamEncoder = (
  replies: AsyncIterable<CommandReply>,
  request: HttpRequest,
) => Promise<StreamedHttpResponse>;

/**
 * The encoder of a binding. Callers who ask for `text/event-stream` get replies as server-sent events. Others get
 * lines of JSON, or the bytes of one `google.api.HttpBody` after the other (as from Cloudstate's proxy).
 */
export function streamEncoder(binding: HttpBinding, codec: JsonCodec, context: StreamContext): StreamEncoder {
  const asked = eventFormat(codec);
  const plain = answersWithBytes(binding) ? bytesFormat(codec) : lineFormat(codec);

  return async (replies, request) => {
    const { accept } = request.headers;
    const format = accept !== undefined && EVENTS.test(accept) ? asked : plain;
    const source = replies[Symbol.asyncIterator]();
    const first = await source.next();
    const reply = first.done === true ? undefined : first.value;
    const metadata = reply?.metadata ?? NO_METADATA;
    let piece: ReplyBody | undefined;
    try {
      piece = reply && (await format.piece(reply.payload, request));
    } catch (error) {
      await source.return?.();
      throw error;
    }
    return {
      status: 200,
      contentType: format.contentType(piece, metadata),
      headers: [...replyHeaders(metadata), ...format.headers],
      pieces: pieces(piece?.body, source, format, request, context),
    };
  };
}

const EVENTS = /^\s*text\/event-stream\b/i;

async function* pieces(
  first: string | Uint8Array | undefined,
  source: AsyncIterator<CommandReply>,
  format: Format,
  call: TextCall,
  { streamKeepAliveMs, clock, telemetry }: StreamContext,
): AsyncGenerator<string | Uint8Array, void, undefined> {
  if (first === undefined) return;
  try {
    yield first;
    for (;;) {
      const next = source.next();
      // Fillers are sent because proxies on the way may cut a silent connection.
      if (format.filler !== undefined)
        while (!(await settlesWithin(next, streamKeepAliveMs, clock))) yield format.filler;
      const item = await next;
      if (item.done === true) return;
      yield (await format.piece(item.value.payload, call)).body;
    }
  } catch (error) {
    const last = format.failure(JSON.stringify(errorStatus(error, telemetry.logger)));
    if (last === undefined) throw error;
    yield last;
  } finally {
    await source.return?.();
  }
}

/** One JSON text per line. A failure is the last line, as grpc-gateway has it. */
function lineFormat(codec: JsonCodec): Format {
  const type = "application/json";
  return {
    piece: (payload, call) => asBody(type, codec.text(payload, "", "\n", call)),
    contentType: () => type,
    failure: (status) => `{"error":${status}}\n`,
    headers: [],
  };
}

/** One JSON text per event. A failure is an event `error`, and a line that begins with a colon is a comment. */
function eventFormat(codec: JsonCodec): Format {
  const type = "text/event-stream";
  return {
    piece: (payload, call) => asBody(type, codec.text(payload, "data: ", "\n\n", call)),
    contentType: () => type,
    failure: (status) => `event: error\ndata: ${status}\n\n`,
    filler: ":\n\n",
    headers: ["cache-control", "no-cache"],
  };
}

function asBody(
  contentType: string,
  text: string | Uint8Array | Promise<Uint8Array>,
): ReplyBody | Promise<ReplyBody> {
  return text instanceof Promise ? text.then((body) => ({ contentType, body })) : { contentType, body: text };
}

/** The content type is that of the first reply, else of its metadata. */
function bytesFormat(codec: JsonCodec): Format {
  return {
    piece: (payload, call) => codec.reply(payload, call),
    contentType: (first, metadata) => {
      const own = first?.contentType ?? BYTES_TYPE;
      return own === BYTES_TYPE ? (metadataType(metadata) ?? own) : own;
    },
    failure: () => undefined,
    headers: [],
  };
}

function metadataType(metadata: Metadata): string | undefined {
  const entry = metadata.find(({ key }) => key.toLowerCase() === "content-type");
  return typeof entry?.value === "string" ? headerValue(entry.value) : undefined;
}
