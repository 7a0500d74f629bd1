// SPDX-License-Identifier: Apache-2.0

/**
 * What has to be said of a message besides its bytes stands in its subjects, so that the bytes are sent as they are,
 * and neither copied behind a header nor read for one:
 *
 *     request   to PREFIX.call.OWNER    reply to PREFIX.answer.CALLER.CALL.LEFT
 *     answer    to PREFIX.answer.CALLER.CALL.a      (f: the owner refuses, w: it still works on it)
 *     a part    the same, with -INDEX-TOTAL at the end
 *     cancel    to PREFIX.cancel.OWNER  with PREFIX.answer.CALLER.CALL as its bytes
 *
 * OWNER is a member, CALLER an id that a process draws for itself, CALL the number of a call there, LEFT the time left
 * in milliseconds or `n` for no deadline, INDEX the number of the part from 0 on, and TOTAL the bytes of all parts.
 */

import type { PeerId } from "../placement.ts";
import { encodeToken } from "../subject-token.ts";

/** One of several messages that are one request or one answer. */
export interface Part {
  readonly index: number;
  readonly totalBytes: number;
}

export interface RequestFrame {
  /** Names the call, and begins the subjects of its answers. */
  readonly call: string;
  /** Undefined: no deadline. */
  readonly leftMs: number | undefined;
  /** Undefined: the message is the whole request. */
  readonly part: Part | undefined;
}

export type AnswerKind = "answer" | "refusal" | "working";

export interface AnswerFrame {
  readonly kind: AnswerKind;
  /** Undefined: the message is the whole answer. */
  readonly part: Part | undefined;
}

export function callSubject(prefix: string, owner: PeerId): string {
  return `${prefix}.call.${encodeToken(owner)}`;
}

export function cancelSubject(prefix: string, owner: PeerId): string {
  return `${prefix}.cancel.${encodeToken(owner)}`;
}

/** Begins the names of all calls. */
export function answerPrefix(prefix: string): string {
  return `${prefix}.answer`;
}

const REQUEST = /^(\d{1,15}|n)(?:-(\d{1,9})-(\d{1,15}))?$/;
const ANSWER = /^([afw])(?:-(\d{1,9})-(\d{1,15}))?$/;
const NO_DEADLINE = "n";
const LETTERS = { answer: "a", refusal: "f", working: "w" } as const;
const KINDS: Readonly<Record<string, AnswerKind>> = { a: "answer", f: "refusal", w: "working" };

export function requestReply({ call, leftMs, part }: RequestFrame): string {
  return `${call}.${leftMs ?? NO_DEADLINE}${partSuffix(part)}`;
}

/** Undefined: the reply subject is none that `requestReply` makes. */
export function readRequestReply(reply: string): RequestFrame | undefined {
  const dot = reply.lastIndexOf(".");
  const found = REQUEST.exec(reply.slice(dot + 1));
  if (dot < 0 || found === null) return undefined;
  const [, left, index, total] = found;
  const leftMs = left === NO_DEADLINE ? undefined : Number(left);
  return { call: reply.slice(0, dot), leftMs, part: partOf(index, total) };
}

export function answerSubject(call: string, kind: AnswerKind, part?: Part): string {
  return `${call}.${LETTERS[kind]}${partSuffix(part)}`;
}

/** @param end the last token of the subject. Undefined: it is none that `answerSubject` makes. */
export function readAnswer(end: string): AnswerFrame | undefined {
  if (end === LETTERS.answer) return WHOLE;
  const [, letter = "", index, total] = ANSWER.exec(end) ?? [];
  const kind = KINDS[letter];
  return kind && { kind, part: partOf(index, total) };
}

const WHOLE: AnswerFrame = { kind: "answer", part: undefined };

function partSuffix(part: Part | undefined): string {
  return part === undefined ? "" : `-${part.index}-${part.totalBytes}`;
}

function partOf(index: string | undefined, total: string | undefined): Part | undefined {
  return index === undefined ? undefined : { index: Number(index), totalBytes: Number(total) };
}
