// SPDX-License-Identifier: Apache-2.0

import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";

import test from "ava";

import { ManualClock } from "../base/test-doubles/mod.ts";

import { until } from "../../test/lib/until.ts";
import { connect } from "./connect.ts";
import type { Connection } from "./connection.ts";

/**
 * Starts a server of Node's that never answers and has Node's own bound on resets, and connects to it. `open` counts
 * its open streams.
 */
async function start(
  t: { teardown(action: () => void): void },
  clock: ManualClock,
): Promise<{ readonly connection: Connection; readonly open: () => number }> {
  const server = createServer({ settings: { maxConcurrentStreams: 10_000 } });
  let open = 0;
  server.on("stream", (stream) => {
    open++;
    stream.on("error", () => undefined).on("close", () => open--);
    stream.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const connection = await connect({ host: "127.0.0.1", port, clock });
  t.teardown(() => {
    connection.destroy();
    server.close();
  });
  return { connection, open: () => open };
}

test("(1, 2) more calls than the peer bears are cancelled at once for their callers, and one by one for the peer", async (t) => {
  const clock = new ManualClock();
  const { connection, open } = await start(t, clock);
  let lost: string | undefined;
  connection.onClose((reason) => (lost = reason.message));
  let ended = 0;
  const calls = Array.from({ length: 3_000 }, () =>
    connection.open("/a.B/C", { onMessage: () => undefined, onEnd: () => void ended++ }),
  );
  await until("all are open", () => open() === 3_000);
  for (const call of calls) call.cancel();
  await until("all callers know that they are over", () => ended === 3_000);
  await until("a burst is reset", () => open() === 2_500);
  for (let second = 1; second <= 10; second++) {
    for (let i = 0; i < 10; i++) clock.advance(100);
    await until("25 more", () => open() === 2_500 - 25 * second);
  }
  t.is(lost, undefined, "the peer has kept the connection");
});
