// SPDX-License-Identifier: Apache-2.0

import { Status } from "../../../pkg/grpc/mod.ts";
import type { EntityRecord, RequestRecord, Stored } from "../../../pkg/proxy/mod.ts";

import { shownText } from "./shown-text.ts";
import type { Style } from "./style.ts";

/** Texts from callers are cut to so many characters. */
const MAX_TARGET = 200;
const MAX_ID = 60;

const NAMES = { grpc: "gRPC", "grpc-web": "gRPC-Web", websocket: "WebSocket" } as const;

/**
 * One request as one line: its protocol or HTTP method and its target, the answer's status with the reason of a
 * failure, the time from its head to the end of its answer, the entity that got the command, and what was stored.
 */
export function requestLine(record: RequestRecord, style: Style): string {
  const words = [
    [style.verb(wayOf(record)), shownText(record.target, MAX_TARGET)].filter(Boolean).join(" "),
    statusText(record, style),
    style.dim(took(record.tookMs)),
  ];
  if (record.entity !== undefined) words.push(...entityTexts(record.entity));
  return words.join("  ");
}

function wayOf({ protocol, method }: RequestRecord): string {
  return protocol === "http" ? (method ?? "HTTP") : NAMES[protocol];
}

function statusText({ protocol, status, code }: RequestRecord, style: Style): string {
  const isHttp = protocol === "http";
  const isGood = isHttp ? status < 400 : status === Status.OK;
  if (isGood) return style.good(isHttp ? String(status) : "OK");
  const name = isHttp ? String(status) : statusName(status);
  const text = code === undefined || code === name ? name : `${name} ${shownText(code, MAX_ID)}`;
  const isOurs = isHttp ? status >= 500 : OURS.has(status);
  return isOurs ? style.bad(text) : style.warning(text);
}

/** Statuses that mean that the fault is here, and not in the request. */
const OURS: ReadonlySet<number> = new Set([
  Status.UNKNOWN,
  Status.INTERNAL,
  Status.UNAVAILABLE,
  Status.DATA_LOSS,
]);

function statusName(status: number): string {
  return Object.entries(Status).find(([, number]) => number === status)?.[0] ?? String(status);
}

function entityTexts({ type, id, stored }: EntityRecord): string[] {
  return [`${shownText(type, MAX_ID)}/${shownText(id, MAX_ID)}`, storedText(stored)];
}

function storedText(stored: Stored): string {
  if (stored.kind === "events") return `${stored.count} ${stored.count === 1 ? "event" : "events"}`;
  switch (stored.change) {
    case "none":
      return "unchanged";
    case "written":
      return "value written";
    case "deleted":
      return "value deleted";
  }
}

function took(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
