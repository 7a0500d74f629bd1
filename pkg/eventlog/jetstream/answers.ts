// SPDX-License-Identifier: Apache-2.0

import { Buffer } from "node:buffer";

import type { StreamInfo } from "@nats-io/jetstream";
import type { Msg } from "@nats-io/transport-node";

import { isNoResponder } from "../../nats/mod.ts";

import type { Position } from "../event-log.ts";
import { EventLogError } from "../event-log.ts";
import type { ApiFailure } from "./api-error.ts";
import { apiError, NO_STREAM, saysNoResults } from "./api-error.ts";
import { FENCE, ROLLUP } from "./publisher.ts";
import type { Origin } from "./stored.ts";

/** A message of a stream, not decoded yet. */
export interface RawMessage extends Origin {
  /** What its fence (the expected sequence) named: the sequence of its subject's message before it, 0 for none. */
  readonly follows: Position | undefined;
  /** True: it replaced the earlier messages of its subject, so they no longer exist. */
  readonly replaces: boolean;
  readonly data: Uint8Array;
}

/** What the server knows of a subject without reading its messages. It may have a last one, but `unreadable`. */
export type Presence = "none" | "readable" | "unreadable";

const NOT_FOUND = 404;
const NO_MESSAGE = 10037;

const FENCE_LINE = new RegExp(`^${FENCE}: *(\\d+)\\s*$`, "m");
const ROLLUP_LINE = new RegExp(`^${ROLLUP}:`, "m");

export function rawMessageOf(message: Msg, stream: string, doing: string): RawMessage | undefined {
  const { headers } = message;
  const code = headers?.code ?? 0;
  if (code === NOT_FOUND) return undefined;
  if (headers === undefined || code !== 0) {
    const reason = isNoResponder(message) ? `no stream answers: ${NO_STREAM}` : headers?.description;
    throw new EventLogError("LOG_UNAVAILABLE", `${doing}: ${reason ?? "an answer without headers"}`);
  }
  const fence = headers.get(FENCE);
  return {
    stream,
    sequence: Number(headers.get("Nats-Sequence")),
    subject: headers.get("Nats-Subject"),
    follows: fence === "" ? undefined : Number(fence),
    replaces: headers.has(ROLLUP),
    data: message.data,
  };
}

export function presenceOf(message: Msg, stream: string, doing: string): Presence {
  const { headers } = message;
  if (headers?.code === NOT_FOUND) return saysNoResults(headers.description) ? "none" : "unreadable";
  rawMessageOf(message, stream, doing);
  return "readable";
}

export function lastOfStreamIn(message: Msg, doing: string): Position {
  const last = isNoResponder(message) ? undefined : message.json<Partial<StreamInfo>>().state?.last_seq;
  if (last !== undefined) return last;
  throw new EventLogError("LOG_UNAVAILABLE", `${doing}: the server does not describe it`);
}

interface LeaderAnswer {
  readonly message?: {
    readonly subject: string;
    readonly seq: number;
    readonly hdrs?: string;
    readonly data?: string;
  };
  readonly error?: ApiFailure;
}

export function leaderMessageOf(message: Msg, stream: string, doing: string): RawMessage | undefined {
  if (isNoResponder(message)) return rawMessageOf(message, stream, doing);
  const { message: found, error } = message.json<LeaderAnswer>();
  if (error?.err_code === NO_MESSAGE) return undefined;
  if (error !== undefined) throw apiError(error, doing, "read");
  if (found === undefined) throw new TypeError("the answer has no message");
  const { seq: sequence, subject, hdrs = "", data = "" } = found;
  const headers = Buffer.from(hdrs, "base64").toString("latin1");
  const fence = FENCE_LINE.exec(headers)?.[1];
  const follows = fence === undefined ? undefined : Number(fence);
  const replaces = ROLLUP_LINE.test(headers);
  return { stream, sequence, subject, follows, replaces, data: Buffer.from(data, "base64") };
}
