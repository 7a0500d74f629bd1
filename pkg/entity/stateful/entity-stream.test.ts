// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import type { CallEnd, ClientStream, StreamHandlers } from "../../grpc/mod.ts";
import { Status, StatusError } from "../../grpc/mod.ts";

import { addCommand } from "../testdata/add-command.ts";
import { EntityStream } from "./entity-stream.ts";
import { EVENT_SOURCED } from "./event-sourced.ts";

const END = { status: Status.OK } as CallEnd;

/** A stream of an entity, and in words what it does to the call, to the count of streams and to its owner. */
function opened(): { stream: EntityStream; handlers: StreamHandlers; seen: string[] } {
  const seen: string[] = [];
  const note = (text: string) => () => void seen.push(text);
  let handlers: StreamHandlers | undefined;
  const call: ClientStream = {
    send: () => seen.push("send") > 0,
    end: note("end"),
    cancel: note("cancel"),
    pause: note("pause"),
    resume: note("resume"),
    drained: async () => undefined,
    bufferedBytes: 0,
  };
  const streams = {
    maxStreams: 1,
    isCrowded: false,
    withRoom: <T>(open: () => T) => open(),
    open: (_path: string, given: StreamHandlers) => {
      handlers = given;
      return call;
    },
    unary: () => Promise.reject(new Error("not here")),
    asked: note("asked"),
    heard: (watched: { isHeard: boolean }) => {
      watched.isHeard = true;
      seen.push("heard");
    },
    over: note("over"),
  };
  const stream = new EntityStream(
    { streams, retire: note("retire"), retired: note("retired") },
    EVENT_SOURCED.path,
    { onMessage: note("message"), onStreamEnd: note("ended"), onStreamRefused: note("refused") },
  );
  if (handlers === undefined) throw new Error("no call");
  return { stream, handlers, seen };
}

test("its owner hears the messages and the end; only commands before the first message count as unanswered", (t) => {
  const { stream, handlers, seen } = opened();
  const command = addCommand();
  t.is(stream.lastCommandId, 0n);
  stream.sendCommand(EVENT_SOURCED, command);
  handlers.onMessage(Buffer.of());
  stream.sendCommand(EVENT_SOURCED, command);
  handlers.onMessage(Buffer.of());
  t.is(stream.lastCommandId, 2n);
  handlers.onEnd(END);
  t.true(stream.isOver);
  t.deepEqual(seen, ["send", "asked", "heard", "message", "send", "message", "over", "retired", "ended"]);
});

test("a stream that was asked to end still tells its owner of the end", (t) => {
  const { stream, handlers, seen } = opened();
  stream.end();
  t.false(stream.isOver);
  handlers.onEnd(END);
  t.deepEqual(seen, ["over", "end", "retire", "over", "retired", "ended"]);
});

test("(8) a released stream tells its owner nothing, and its end is still counted", (t) => {
  const { stream, handlers, seen } = opened();
  stream.release();
  t.true(stream.isOver);
  handlers.onMessage(Buffer.of());
  stream.refuse(new StatusError(Status.UNAVAILABLE, "USER_FUNCTION_BUSY", "busy"));
  handlers.onEnd(END);
  t.deepEqual(seen, ["over", "end", "retire", "over", "retired"]);
});
