// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { JsonValue } from "@bufbuild/protobuf";

/** A form of HTTP rule, with requests to it and their outcomes on the public port: rows of a table. */
export interface Form {
  /** As `ruleText` prints it; `none` for a method without a rule. */
  readonly rule: string;
  readonly exchanges: readonly Exchange[];
}

export interface Exchange {
  /** As `GET /books/1`. */
  readonly line: string;
  /** Sent with `contentType`, by default `application/json`. */
  readonly body: string | undefined;
  readonly contentType: string | undefined;
  readonly outcome: Outcome;
}

export type Outcome =
  /** The method gets this message. */
  | { readonly kind: "served"; readonly message: JsonValue }
  /** The method answers with this message, which becomes the body. */
  | {
      readonly kind: "answered";
      readonly reply: JsonValue;
      readonly contentType: string;
      readonly body: string;
    }
  /** The port answers by itself. */
  | {
      readonly kind: "refused";
      readonly status: number;
      readonly code: string;
      readonly allow: string | undefined;
    }
  | { readonly kind: "options"; readonly allow: string };

const PAGE = readFileSync(join(import.meta.dirname, "..", "..", "..", "docs", "endpoint.md"), "utf8");

/** The `.proto` text of the page. */
export function messagesOfPage(): string {
  return /```proto\n(message Book [^`]*)\n```/.exec(PAGE)?.[1] ?? "";
}

/** The tables of rules that are served, by their titles. */
export function formsOfPage(): ReadonlyMap<string, readonly Form[]> {
  const forms = new Map<string, Form[]>();
  for (const [title, head, rows] of tables()) {
    if (head !== "form | rule | request | what happens") continue;
    const found: { readonly rule: string; readonly exchanges: Exchange[] }[] = [];
    for (const [form = "", rule = "", request = "", happens = ""] of rows) {
      // The form and its rule stand in the first row only.
      if (form !== "") found.push({ rule: uncoded(rule), exchanges: [] });
      found.at(-1)?.exchanges.push({ ...readRequest(request), outcome: readOutcome(happens) });
    }
    forms.set(title, found);
  }
  return forms;
}

/** The rules that are refused, each with the reason that is given. */
export function refusalsOfPage(): readonly (readonly [rule: string, reason: string])[] {
  const refused = tables().find(([, head]) => head === "rule | the reason that is given")?.[2] ?? [];
  return refused.map(([rule = "", reason = ""]) => [uncoded(rule), uncoded(reason)]);
}

/** The tables below `####` titles: title, head and cells. */
function tables(): (readonly [title: string, head: string, rows: string[][]])[] {
  return [...PAGE.matchAll(/^#### (.*)\n\n\| (.*) \|\n\|[-|]+\|\n((?:\|.*\|\n)+)/gm)].map(
    ([, title = "", head = "", body = ""]) => [title, head, body.trimEnd().split("\n").map(cellsOf)],
  );
}

function cellsOf(row: string): string[] {
  const cells = row.slice(1, -1).split(/(?<!\\)\|/);
  return cells.map((cell) => cell.trim().replaceAll("\\|", "|"));
}

function uncoded(cell: string): string {
  return /^`(.*)`$/.exec(cell)?.[1] ?? cell;
}

function readRequest(cell: string): Omit<Exchange, "outcome"> {
  const [, line, contentType, body] = /^`([^`]*)`(?: (?:`([^`]*)`: )?`([^`]*)`)?$/.exec(cell) ?? [];
  if (line === undefined) throw new Error(`no request: ${cell}`);
  return { line, contentType, body };
}

function readOutcome(cell: string): Outcome {
  const options = /^200, `allow: (.*)`$/.exec(cell);
  if (options !== null) return { kind: "options", allow: options[1] ?? "" };
  const refused = /^(\d{3}) `(\w+)`(?:, `allow: (.*)`)?$/.exec(cell);
  if (refused !== null)
    return { kind: "refused", status: Number(refused[1]), code: refused[2] ?? "", allow: refused[3] };
  const answered = /^of `([^`]*)`: (?:`([^`]*)`: )?`([^`]*)`$/.exec(cell);
  if (answered === null) return { kind: "served", message: JSON.parse(uncoded(cell)) as JsonValue };
  const [, reply = "", contentType = "application/json", body = ""] = answered;
  return { kind: "answered", reply: JSON.parse(reply) as JsonValue, contentType, body };
}
