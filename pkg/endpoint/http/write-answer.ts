// SPDX-License-Identifier: Apache-2.0

import type { Writable } from "node:stream";

import type { Logger } from "../../base/mod.ts";
import { whenDrained } from "../../base/mod.ts";

import type { HttpAnswer, HttpExchange, HttpResponse, StreamedHttpResponse } from "./exchange.ts";
import { headerList } from "./exchange.ts";

/** Writes an answer: at once if it is whole, else until the promise resolves. It is dropped if the caller has gone. */
export function writeAnswer(
  exchange: HttpExchange,
  answer: HttpAnswer,
  logger: Logger,
): Promise<void> | undefined {
  if ("pieces" in answer) return writePieces(exchange, answer, logger);
  writeWhole(exchange, answer);
  return undefined;
}

function writeWhole(exchange: HttpExchange, answer: HttpResponse): void {
  const { body } = answer;
  const length = Buffer.byteLength(body);
  const out = exchange.begin(answer.status, headerList(answer, length));
  const { request } = exchange;
  if (request.refusal === undefined) request.bytes.holdExactly(request.ownBytes + length);
  request.answered();
  // An answer to HEAD has no body: over HTTP/2 Node has already ended it.
  if (out?.writableEnded === false) {
    // A text of ASCII alone has the same bytes in Latin-1, which Node writes faster.
    if (typeof body === "string" && body.length === length) out.end(body, "latin1");
    else out.end(body);
  }
  exchange.discardBody();
}

async function writePieces(
  exchange: HttpExchange,
  { status, contentType, headers, pieces }: StreamedHttpResponse,
  logger: Logger,
): Promise<void> {
  const out = exchange.begin(status, ["content-type", contentType, ...headers]);
  exchange.discardBody();
  try {
    // The loop begins even if the caller has gone, because leaving it is what ends the source.
    for await (const piece of pieces) {
      // An answer to HEAD has no body, however long the stream would be.
      if (exchange.method === "HEAD") break;
      if (out === undefined || out.destroyed || out.writableEnded) return;
      if (!out.write(piece)) await untilTaken(exchange, out, piece);
    }
    exchange.request.answered();
    if (out?.writableEnded === false) out.end();
  } catch (error) {
    logger.debug("answer was broken off", { error });
    exchange.abort();
  }
}

/** The piece is counted until its peer takes more, because until then it is in memory (I11). */
async function untilTaken(exchange: HttpExchange, out: Writable, piece: string | Uint8Array): Promise<void> {
  const { request } = exchange;
  const bytes = Buffer.byteLength(piece);
  request.bytes.overdraw(bytes);
  await request.taken(whenDrained(out));
  request.bytes.give(bytes);
}
