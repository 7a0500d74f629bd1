// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { serve } from "./mod.ts";
import { FakeProxy } from "./test-model/fake-proxy.ts";
import { modelEntity } from "./test-model/model.ts";
import { emit } from "./test-model/wire.ts";

test("a snapshot that does not fit into a message is left out, which is said once, and the command is answered", async (t) => {
  const lines: string[] = [];
  const server = await serve({
    entities: [modelEntity({ snapshotEvery: 1 })],
    port: 0,
    handleSignals: false,
    // An event, an answer and a snapshot of a thousand characters each do not fit.
    maxMessageBytes: 3_000,
    log: (line) => lines.push(line),
  });
  const proxy = new FakeProxy(server.port);
  t.teardown(async () => {
    proxy.client.close();
    await server.close();
  });
  const text = "x".repeat(1_000);
  for (const id of ["a", "b"]) {
    const entity = proxy.activate(id);
    t.deepEqual(await entity.process(emit(text)), { reply: text, events: [text] });
    entity.call.end();
  }
  const small = proxy.activate("c");
  t.deepEqual(await small.process(emit("x")), { reply: "x", events: ["x"], snapshot: "x" });
  small.call.end();
  t.deepEqual(lines, [
    "perdure: perdure.sdk.test.Model, entity a: its snapshot of 1003 bytes is left out, since it does not fit into a message " +
      "(maxMessageBytes): without snapshots all its events are replayed",
  ]);
});
