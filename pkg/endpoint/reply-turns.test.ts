// SPDX-License-Identifier: Apache-2.0

import { setImmediate as nextTurn } from "node:timers/promises";

import test from "ava";

import { NO_METADATA } from "../protocol/mod.ts";
import type { CommandReply, StreamedCommand } from "../router/mod.ts";

import { withReplyTurns } from "./reply-turns.ts";
import { dispatchOf, echo } from "./testdata/running-endpoint.ts";

/**
 * Streams that always have a reply. Each is named by its command's deadline. `asked` has the names in the order in
 * which replies were asked for.
 */
function endless() {
  const asked: number[] = [];
  const returned: number[] = [];
  const dispatch = withReplyTurns(
    dispatchOf(echo, async function* ({ call: { deadlineMs = 0 } }) {
      try {
        for (;;) {
          asked.push(deadlineMs);
          yield { payload: Buffer.alloc(0), metadata: NO_METADATA };
        }
      } finally {
        returned.push(deadlineMs);
      }
    }),
  );
  const open = (name: number): AsyncIterator<CommandReply> =>
    dispatch.streamed({ call: { deadlineMs: name } } as StreamedCommand)[Symbol.asyncIterator]();
  return { asked, returned, open };
}

test("in each turn of the loop four replies are asked for, of one stream after the other", async (t) => {
  const { asked, open } = endless();
  const streams = [1, 2, 3].map(open);
  const pulls = streams.map(async (stream) => {
    for (let count = 0; count < 8; count++) await stream.next();
  });
  const seen: number[] = [];
  while (asked.length < 24) {
    await nextTurn();
    seen.push(asked.length);
  }
  await Promise.all(pulls);
  // Four in the current turn, and four in each following one.
  t.deepEqual(seen, [8, 12, 16, 20, 24]);
  t.is(new Set(asked.slice(4, 7)).size, 3);
});

test("a stream whose caller leaves is ended, also while it waits for its turn", async (t) => {
  const { returned, open } = endless();
  const stream = open(1);
  await stream.next();
  const others = Array.from({ length: 5 }, async () => stream.next());
  await stream.return?.();
  await Promise.all(others);
  t.deepEqual(returned, [1]);
  t.deepEqual(await stream.next(), { done: true, value: undefined });
});
