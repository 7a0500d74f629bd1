// SPDX-License-Identifier: Apache-2.0

import { counterSpec } from "../lib/counter.ts";
import { ADD, counterFunction, GET } from "../lib/counter-function.ts";
import { flipBit } from "../lib/damage.ts";
import { statusOf } from "../lib/grpc-caller.ts";
import { startLocalProxy, startWorld } from "../lib/local-proxy.ts";
import { natsTest } from "../lib/nats/nats-test.ts";
import { startNatsServer } from "../lib/nats/server.ts";
import { until } from "../lib/until.ts";

const DATA_LOSS = 15;
const UNAVAILABLE = 14;

/** What adding this much leaves in the log, and nothing else does. */
const NEEDLE = Buffer.from([0x10, 0xb1, 0xa2, 0xd3, 0x34]);
const NEEDLE_AMOUNT = 0x31 | (0x22 << 7) | (0x53 << 14) | (0x34 << 21);

natsTest(
  "I6: a flipped byte in the log: the entity is refused by stream and sequence, others work, a restore heals it",
  async (t) => {
    const server = await startNatsServer();
    t.teardown(() => server.stop());
    const env = { PERDURE_LOG: `${server.url}/shop` };
    const writer = await startWorld(t, { spec: counterSpec(), onMessage: counterFunction() }, env);
    for (const amount of [1, NEEDLE_AMOUNT, 2]) await writer.grpc.call(ADD, { id: "a", amount });
    await writer.grpc.call(ADD, { id: "b", amount: 5 });
    await writer.proxy.stop();
    const restore = await flipBit(server, NEEDLE, 1);

    const { grpc, ready } = await startLocalProxy(t, writer.userFunction.port, env);
    await ready();
    const refusal = await statusOf(grpc.call(GET, { id: "a" }));
    t.is(refusal.code, DATA_LOSS);
    t.regex(refusal.text, /^counter\/a: stream shop_ev_\d, sequence 2: the record is gone.*Restore/);
    t.is((await statusOf(grpc.call(ADD, { id: "a", amount: 1 }))).code, DATA_LOSS);
    t.like(await grpc.call(ADD, { id: "b", amount: 1 }), { amount: 6 });

    await restore();
    await until("the log is there again", async () => {
      const status = await statusOf(grpc.call(GET, { id: "c" })).catch(() => undefined);
      return status?.code !== UNAVAILABLE;
    });
    t.like(await grpc.call(GET, { id: "a" }), { amount: NEEDLE_AMOUNT + 3 });
    t.like(await grpc.call(ADD, { id: "a", amount: 1 }), { amount: NEEDLE_AMOUNT + 4 });
  },
);
