// SPDX-License-Identifier: Apache-2.0

import { whenDrained } from "../../base/mod.ts";
import type { Logger } from "../../base/mod.ts";
import { ERROR_CODE_HEADER } from "./exchange.ts";
import type { HttpAnswer, HttpExchange, HttpResponse, StreamedHttpResponse } from "./exchange.ts";

/** Writes an answer. What a caller who has gone would have got is dropped. */
export async function writeAnswer(exchange: HttpExchange, answer: HttpAnswer, logger: Logger): Promise<void> {
  if ("pieces" in answer) await writePieces(exchange, answer, logger);
  else writeWhole(exchange, answer);
}

function writeWhole(exchange: HttpExchange, answer: HttpResponse): void {
  const { body, contentType, headers, errorCode } = answer;
  const all = ["content-type", contentType, "content-length", String(Buffer.byteLength(body))];
  if (headers !== undefined) all.push(...headers);
  if (errorCode !== undefined) all.push(ERROR_CODE_HEADER, errorCode);
  const out = exchange.begin(answer.status, all);
  // To HEAD there is no body; HTTP/2 has ended the answer by itself then.
  if (out?.writableEnded === false) out.end(body);
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
    // Begun also for a caller who has gone: leaving the loop is what ends the source.
    for await (const piece of pieces) {
      if (out === undefined || out.destroyed || out.writableEnded) return;
      if (!out.write(piece)) await whenDrained(out);
    }
    if (out?.writableEnded === false) out.end();
  } catch (error) {
    logger.debug("answer was broken off", { error });
    exchange.abort();
  }
}
