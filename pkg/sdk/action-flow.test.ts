// SPDX-License-Identifier: Apache-2.0
//
// Flow control of the messages of actions: which side waits for the other, and what happens when one side leaves.

import { once } from "node:events";
import { connect } from "node:http2";

import { toBinary } from "@bufbuild/protobuf";
import test from "ava";

import { until } from "../../test/lib/until.ts";
import type { ActionCommand } from "../protocol/gen/cloudstate/action_pb.ts";
import { ActionCommandSchema } from "../protocol/gen/cloudstate/action_pb.ts";
import type { RunningServer, SdkError } from "./mod.ts";
import {
  actionCommand,
  all,
  element,
  short,
  streamed,
  streamedIn,
  streamedOut,
  unary,
} from "./test-model/fake-action.ts";
import type { FakeProxy } from "./test-model/fake-proxy.ts";
import { Other } from "./test-model/gen/model_pb.ts";
import { served } from "./test-model/served.ts";
import { groups, reply } from "./test-model/wire.ts";

const BIG = "x".repeat(64 * 1024);
/** What the buffers between two processes may hold, of messages of 64 KiB: Node's, grpc-js's, and the windows. */
const IN_BETWEEN = 100;

/** Lets everything that is under way on the connection arrive. */
async function settle(proxy: FakeProxy): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await unary(proxy.client, actionCommand("Unary", groups())).answer;
}

test("a proxy that reads slowly holds the generator back", async (t) => {
  let produced = 0;
  const { proxy } = await served(t, {
    async *streamedOut() {
      while (produced < 300) {
        produced += 1;
        yield { message: BIG };
      }
    },
  });
  const call = streamedOut(proxy.client, actionCommand("StreamedOut", groups()));
  await settle(proxy);
  let received = 0;
  for await (const _response of call) {
    received += 1;
    t.true(produced - received <= IN_BETWEEN, `${produced} produced, ${received} received`);
  }
  t.is(received, 300);
});

test("a handler that reads slowly holds the proxy back", async (t) => {
  const gate = Promise.withResolvers<void>();
  let handled = 0;
  const { proxy } = await served(t, {
    async streamedIn(messages) {
      for await (const _message of messages) {
        await gate.promise;
        handled += 1;
      }
      return { message: String(handled) };
    },
  });
  const { call, answer } = streamedIn(proxy.client);
  call.write(actionCommand("StreamedIn"));
  let sent = 0;
  const sending = (async () => {
    for (; sent < 200; sent++) if (!call.write(element(reply(BIG)))) await once(call, "drain");
    call.end();
  })();
  await settle(proxy);
  t.true(sent <= IN_BETWEEN, `${sent} sent`);
  t.is(handled, 0);
  gate.resolve();
  await sending;
  t.deepEqual(short(await answer), { reply: "200" });
});

test("a proxy that cancels aborts the signal and ends the generator; nobody is told of an error", async (t) => {
  const seen: string[] = [];
  const { proxy, lines } = await served(t, {
    async *streamedOut(_message, { signal }) {
      signal.addEventListener("abort", () => seen.push((signal.reason as SdkError).code));
      try {
        for (;;) yield { message: BIG };
      } finally {
        seen.push("left");
      }
    },
  });
  const call = streamedOut(proxy.client, actionCommand("StreamedOut", groups()));
  await once(call, "readable");
  call.on("error", () => undefined);
  call.cancel();
  await until("the generator was left", () => seen.length === 2);
  t.deepEqual(seen, ["CANCELLED", "left"]);
  t.deepEqual(lines, []);
});

/** Sends the commands on a separate connection. `reset` breaks the call, `disconnect` the whole connection. */
function rawStream(
  server: RunningServer,
  method: string,
  commands: readonly ActionCommand[],
): { readonly reset: () => void; readonly disconnect: () => void } {
  const session = connect(`http://127.0.0.1:${server.port}`);
  const stream = session.request({
    ":method": "POST",
    ":path": `/cloudstate.action.ActionProtocol/${method}`,
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => undefined);
  stream.resume();
  for (const command of commands) {
    const bytes = toBinary(ActionCommandSchema, command);
    const frame = Buffer.alloc(5);
    frame.writeUInt32BE(bytes.length, 1);
    stream.write(Buffer.concat([frame, bytes]));
  }
  return {
    // Not `close`, because it ends the input properly before Node resets the stream.
    reset: () => stream.destroy(new Error("cancelled")).once("close", () => session.destroy()),
    disconnect: () => session.destroy(),
  };
}

for (const how of ["reset", "disconnect"] as const) {
  test(`a proxy that goes away (${how}) breaks the input off: no handler takes half of it for all`, async (t) => {
    const seen: unknown[] = [];
    const { server, lines } = await served(t, {
      async streamedIn(messages) {
        try {
          for await (const _message of messages) seen.push("message");
          seen.push("all");
        } catch (error) {
          seen.push((error as SdkError).code);
          throw error;
        }
        return { message: "" };
      },
      async *streamed(messages) {
        try {
          for await (const _message of messages) {
            seen.push("message");
            yield { message: "" };
          }
          seen.push("all");
        } finally {
          seen.push("left");
        }
      },
    });
    const one = rawStream(server, "handleStreamedIn", [actionCommand("StreamedIn"), element(reply("a"))]);
    await until("the message has arrived", () => seen.length === 1);
    one[how]();
    await until("the input broke off", () => seen.length === 2);
    t.deepEqual(seen.splice(0), ["message", "CANCELLED"]);

    const both = rawStream(server, "handleStreamed", [actionCommand("Streamed"), element(reply("a"))]);
    await until("the message has arrived", () => seen.length === 1);
    both[how]();
    await until("the generator was left", () => seen.length === 2);
    t.deepEqual(seen, ["message", "left"]);
    t.deepEqual(lines, []);
  });
}

test("a handler that asked for a message and does not wait for it may lose its caller", async (t) => {
  const seen: string[] = [];
  const { server, lines } = await served(t, {
    async streamedIn(messages, { signal }) {
      void messages[Symbol.asyncIterator]().next();
      void messages.envelopes[Symbol.asyncIterator]().next();
      seen.push("asked");
      await once(signal, "abort");
      seen.push("aborted");
      return { message: "" };
    },
  });
  const one = rawStream(server, "handleStreamedIn", [actionCommand("StreamedIn")]);
  await until("the handler has asked", () => seen.length === 1);
  one.reset();
  await until("it was told", () => seen.length === 2);
  t.deepEqual(lines, []);
});

test("a unary call can be cancelled, and what it waits for with it", async (t) => {
  const seen: string[] = [];
  const { proxy, lines } = await served(t, {
    async unary(_message, { signal }) {
      seen.push("waits");
      await once(signal, "abort");
      seen.push("aborted");
      signal.throwIfAborted();
      return { message: "" };
    },
  });
  const { call } = unary(proxy.client, actionCommand("Unary", groups()));
  await until("the handler waits", () => seen.length === 1);
  call.cancel();
  await until("it was told", () => seen.length === 2);
  await all(streamedOut(proxy.client, actionCommand("StreamedOut", groups())));
  t.deepEqual(lines, []);
});

test("a signal is not aborted by a call's own end", async (t) => {
  const signals: AbortSignal[] = [];
  const { proxy } = await served(t, {
    unary: (_message, { signal }) => {
      signals.push(signal);
      return { message: "" };
    },
    *streamedOut(_message, { signal }) {
      signals.push(signal);
      yield { message: "" };
    },
  });
  await unary(proxy.client, actionCommand("Unary", groups())).answer;
  await all(streamedOut(proxy.client, actionCommand("StreamedOut", groups())));
  await settle(proxy);
  t.is(signals.filter(({ aborted }) => aborted).length, 0);
});

test("a handler may answer before the input has ended, and leave it", async (t) => {
  const { proxy } = await served(t, {
    async streamedIn(messages) {
      for await (const _message of messages) return { message: "enough" };
      return { message: "none" };
    },
    async *streamed(messages) {
      for await (const _message of messages) break;
      yield { message: "one" };
      yield { message: "two" };
    },
  });
  const { call, answer } = streamedIn(proxy.client);
  call.write(actionCommand("StreamedIn"));
  for (let sent = 0; sent < 50; sent++) call.write(element(reply(BIG)));
  t.deepEqual(short(await answer), { reply: "enough" });

  const both = streamed(proxy.client);
  both.write(actionCommand("Streamed"));
  for (let sent = 0; sent < 50; sent++) both.write(element(reply(BIG)));
  t.deepEqual(await all(both), [{ reply: "one" }, { reply: "two" }]);
});

test("fail is the last answer of a stream, with the effects so far; effects after the last answer travel alone", async (t) => {
  const { proxy } = await served(t, {
    async *streamed(messages, { effect, fail }) {
      for await (const { groups: given } of messages) {
        effect(Other.method.call, { id: "a" });
        if (given.length === 0) return fail("empty");
        yield { message: "" };
      }
      effect(Other.method.call, { id: "b" });
    },
  });
  const failing = streamed(proxy.client);
  failing.write(actionCommand("Streamed"));
  failing.write(element(reply("a")));
  failing.write(actionCommand("", groups()));
  const effects = ["perdure.sdk.test.Other/Call a"];
  t.deepEqual(await all(failing), [
    { reply: "", effects },
    { failure: "empty", effects },
  ]);

  const ending = streamed(proxy.client);
  ending.write(actionCommand("Streamed"));
  ending.end();
  t.deepEqual(await all(ending), [{ none: true, effects: ["perdure.sdk.test.Other/Call b"] }]);
});

test("close waits for the call in hand, and cuts off one that does not end", async (t) => {
  const gate = Promise.withResolvers<void>();
  let begun = 0;
  const { server, proxy } = await served(t, {
    async unary({ groups: given }) {
      if (given.length === 0) return { message: "" };
      begun += 1;
      await gate.promise;
      return { message: "done" };
    },
  });
  const { answer } = unary(proxy.client, actionCommand("Unary", groups([reply("a")])));
  await until("it is in hand", () => begun === 1);
  const closed = server.close();
  gate.resolve();
  t.deepEqual(short(await answer), { reply: "done" });
  await closed;

  let aborted = false;
  const stuck = await served(
    t,
    {
      async *streamedOut(_message, { signal }) {
        yield { message: "" };
        await once(signal, "abort");
        aborted = true;
      },
    },
    20,
  );
  const call = streamedOut(stuck.proxy.client, actionCommand("StreamedOut", groups()));
  call.on("error", () => undefined);
  await once(call, "readable");
  await stuck.server.close();
  await until("the handler was told", () => aborted);
});

test("one action that breaks leaves the others alone", async (t) => {
  const { proxy } = await served(t, {
    // oxlint-disable-next-line require-yield -- it comes to none.
    async *streamedOut() {
      throw new Error("boom");
    },
  });
  const good = streamed(proxy.client);
  good.write(actionCommand("Streamed"));
  await t.throwsAsync(all(streamedOut(proxy.client, actionCommand("StreamedOut", groups()))), {
    message: "2 UNKNOWN: Unexpected failure: the log of the user function says why",
  });
  t.deepEqual(await all(good), []);
});
