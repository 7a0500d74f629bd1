// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, Message } from "@bufbuild/protobuf";
import { equals, fromBinary } from "@bufbuild/protobuf";

import type { Arrival, Inbox } from "../wire/inbox.ts";
import { registry, showJson, showMessage } from "./show.ts";

/** Raised when something other than the expected came. */
export class ExpectationError extends Error {
  override readonly name = "ExpectationError";
  /** JSON, or words; none if the message says it all. */
  readonly expected: string | undefined;
  readonly actual: string | undefined;

  constructor(message: string, expected?: string, actual?: string) {
    super(message);
    this.expected = expected;
    this.actual = actual;
  }
}

/** A message that is expected: one of these, the usual one first. */
export interface Expected {
  readonly schema: DescMessage;
  readonly messages: readonly [Message, ...Message[]];
}

/**
 * Takes the next message of the inbox and compares it as Cloudstate does, by message equality. So an unset field
 * differs from one that is set to its default, and an `Any` is compared by its bytes.
 *
 * @param what names the message, for the report. @param neglect changes the received message before the comparison.
 * @returns the index of the equal message in `messages`.
 * @throws ExpectationError
 */
export async function expectMessage(
  inbox: Inbox,
  what: string,
  { schema, messages }: Expected,
  { withinMs, neglect }: { readonly withinMs: number; readonly neglect?: (actual: Message) => void },
): Promise<number> {
  const arrival = await inbox.next(withinMs);
  const show = (one: Message): string => showMessage(schema, one);
  const expected = messages.map(show).join("\nor\n");
  if (arrival?.kind !== "message") {
    throw new ExpectationError(`${what}: ${nameOf(arrival, withinMs)}`, expected);
  }
  const actual = decode(schema, arrival.bytes);
  if (actual === undefined) {
    throw new ExpectationError(`${what}: not a ${schema.typeName}`, expected, showJson(arrival.bytes));
  }
  neglect?.(actual);
  const index = messages.findIndex((message) => equals(schema, actual, message, { registry, unknown: true }));
  if (index !== -1) return index;
  // Two that are equal to people may still differ in bytes.
  const pair =
    show(actual) === expected ? [showJson(messages[0]), showJson(actual)] : [expected, show(actual)];
  throw new ExpectationError(`${what}: another message came`, ...pair);
}

/** Takes the next arrival, which must be the end that a call should have. */
export async function expectCompletion(inbox: Inbox, what: string, withinMs: number): Promise<void> {
  const arrival = await inbox.next(withinMs);
  if (arrival?.kind === "completed") return;
  throw new ExpectationError(`${what} did not complete: ${nameOf(arrival, withinMs)}`);
}

/** Compares two values by their JSON. */
export function expectEqual(what: string, actual: unknown, expected: unknown): void {
  const [shown, wanted] = [showJson(actual), showJson(expected)];
  if (shown !== wanted) throw new ExpectationError(what, wanted, shown);
}

export function nameOf(arrival: Arrival | undefined, withinMs: number): string {
  switch (arrival?.kind) {
    case undefined:
      return `nothing came within ${withinMs} ms`;
    case "message":
      return `a message of ${arrival.bytes.length} bytes came`;
    case "completed":
      return "the stream was completed";
    case "failed":
      return `the call failed with status ${arrival.code}: ${arrival.text}`;
  }
}

function decode(schema: DescMessage, bytes: Uint8Array): Message | undefined {
  try {
    return fromBinary(schema, bytes);
  } catch {
    return undefined;
  }
}
