// SPDX-License-Identifier: Apache-2.0

/** The user function that the attacks call: it does as little as possible, since only the proxy is to be measured. */

import { setTimeout as delay } from "node:timers/promises";

import { create } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";

import { action, serve, valueEntity } from "../../../pkg/sdk/mod.ts";

import { Forms } from "./gen/perdure/test/attack/forms_pb.ts";
import type { Book, BookRequest } from "./gen/perdure/test/attack/target_pb.ts";
import { BookSchema, LetterSchema, Streams, Target } from "./gen/perdure/test/attack/target_pb.ts";

/** Larger than what the proxy takes from callers, because a command is larger than its message. */
const MAX_MESSAGE_BYTES = 67_108_864;

/** Books are kept, because a function that is busy making them would answer the bystander late. */
const MAX_KEPT_BOOKS = 16;

const books = new Map<string, Book>();

/** A book with `pages` pages of text and `emptyPages` pages without. */
function book({
  pages,
  pageBytes,
  emptyPages,
}: Pick<BookRequest, "pages" | "pageBytes" | "emptyPages">): Book {
  const key = `${pages} ${pageBytes} ${emptyPages}`;
  const known = books.get(key);
  if (known !== undefined) return known;
  const made = create(BookSchema, {
    pages: Array.from({ length: pages }, () => ({ text: "x".repeat(pageBytes) })),
  });
  if (emptyPages > 0)
    made.$unknown = [{ no: 1, wireType: WireType.LengthDelimited, data: emptyPageBytes(emptyPages) }];
  if (books.size < MAX_KEPT_BOOKS) books.set(key, made);
  return made;
}

/**
 * The bytes of `count` empty pages after the tag of the first. They are one unknown field that is written as it is,
 * so that they cost this process nothing.
 */
function emptyPageBytes(count: number): Uint8Array {
  const all = Buffer.alloc(2 * count);
  for (let at = 0; at < all.length; at += 2) all[at] = 0x0a;
  return all.subarray(1);
}

const target = valueEntity(Target, LetterSchema, {
  persistenceId: "attack-target",
  commands: {
    read: (request) => book(request),
    send: () => ({}),
    sendSlowly: async ({ delayMs }) => {
      await delay(delayMs);
      return {};
    },
  },
});

const streams = action(Streams, {
  async *chat(letters) {
    for await (const { wanted } of letters) yield wanted === undefined ? {} : book(wanted);
  },
  *watch(request, { signal }) {
    while (!signal.aborted) yield book(request);
  },
});

const forms = action(Forms, {
  async *fill(filled) {
    for await (const _form of filled) yield {};
  },
});

const { host, port } = await serve({
  entities: [target, streams, forms],
  host: "127.0.0.1",
  port: Number(process.env["PORT"] ?? 0),
  maxMessageBytes: MAX_MESSAGE_BYTES,
});
console.log(`target serves its proxy on ${host}:${port}`);
