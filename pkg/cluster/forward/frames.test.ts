// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import type { AnswerKind, Part } from "./frames.ts";
import { answerSubject, readAnswer, readRequestReply, requestReply } from "./frames.ts";
import { Assembly, sendInParts } from "./parts.ts";

const PART: fc.Arbitrary<Part | undefined> = fc.option(
  fc.record({ index: fc.nat(1e8), totalBytes: fc.nat(1e9) }),
  { nil: undefined },
);
const LEFT = fc.option(fc.nat(1e14), { nil: undefined });
const KIND = fc.constantFrom<AnswerKind>("answer", "refusal", "working");

test("what stands in a subject is read as it was written", (t) => {
  fc.assert(
    fc.property(LEFT, PART, KIND, (leftMs, part, kind) => {
      const frame = { call: "perdure.answer.abc.17", leftMs, part };
      t.deepEqual(readRequestReply(requestReply(frame)), frame);
      const subject = answerSubject(frame.call, kind, part);
      t.true(subject.startsWith(`${frame.call}.`));
      t.deepEqual(readAnswer(subject.slice(frame.call.length + 1)), { kind, part });
    }),
  );
});

test("I12: any other subject is no frame", (t) => {
  const frames = [
    "",
    ".",
    "n",
    "17",
    "a.b",
    "a.-",
    "a.1-",
    "a.1-2",
    "a.1-2-3-4",
    "a.1-2-3 ",
    `a.${"9".repeat(16)}`,
  ];
  for (const subject of frames) t.is(readRequestReply(subject), undefined, subject);
  for (const end of ["", "b", "aa", "a-", "a-1", "a-1-", "a-1-2-3", "a--1-2", "A"])
    t.is(readAnswer(end), undefined, end);
  fc.assert(
    fc.property(fc.string(), (text) => {
      readRequestReply(text);
      readAnswer(text);
      return true;
    }),
  );
});

test("parts that come in order are the message again; one that is missing, too many or other is noticed", (t) => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.integer({ min: 1, max: 50 }),
      fc.nat(),
      (message, max, at) => {
        const parts: [Uint8Array, Part | undefined][] = [];
        sendInParts(message, max, (piece, part) => parts.push([piece, part]));
        const [first] = parts;
        if (message.length <= max) {
          t.deepEqual(parts, [[message, undefined]]);
          return;
        }
        t.deepEqual(
          parts.map(([piece]) => piece.length <= max),
          parts.map(() => true),
        );
        const whole = new Assembly(message.length);
        const results = parts.map(([piece, part]) => whole.add(part!, piece));
        t.deepEqual(results.pop(), message);
        t.true(results.every((result) => result === "more"));
        t.is(whole.add(first![1]!, first![0]), "broken");
        const missing = at % parts.length;
        const broken = new Assembly(message.length);
        const others = parts
          .filter((_, index) => index !== missing)
          .map(([piece, part]) => broken.add(part!, piece));
        t.is(others[missing] ?? "broken", "broken");
        t.false(others.some((result) => typeof result !== "string"));
      },
    ),
  );
});

test("a part of another length, or with more bytes than its message, does not fit", (t) => {
  const part = { index: 0, totalBytes: 4 };
  t.is(new Assembly(4).add({ ...part, totalBytes: 5 }, new Uint8Array(2)), "broken");
  t.is(new Assembly(4).add(part, new Uint8Array(5)), "broken");
  t.is(new Assembly(4).add(part, new Uint8Array(0)), "broken");
});
