// SPDX-License-Identifier: Apache-2.0

import { Account, systemClock } from "../../base/mod.ts";
import { ForwardCaller, forwardOptions } from "../../cluster/forward/mod.ts";
import type { NatsLink } from "../../nats/mod.ts";
import { NO_TELEMETRY } from "../../telemetry/mod.ts";

import { natsTest } from "../../../test/lib/nats/nats-test.ts";
import { startNatsServer } from "../../../test/lib/nats/server.ts";
import { openTestLink } from "../../../test/lib/nats/test-link.ts";
import { until } from "../../../test/lib/until.ts";
import { divideMemory } from "../memory.ts";
import { proxyOptions } from "../options.ts";
import { PeerDesk } from "./peer-desk.ts";

const PREFIX = "shop";
const OPTIONS = proxyOptions({}, {});

/** The link, whose connection is lost so many times before the server has confirmed a subscription. */
function losing(link: NatsLink, times: number): { readonly link: NatsLink; readonly failed: () => number } {
  let failed = 0;
  const { connection } = link;
  const flush = (): Promise<void> =>
    failed++ < times ? Promise.reject(new Error("the connection was lost")) : connection.flush();
  const part = {
    subscribe: connection.subscribe.bind(connection),
    publish: connection.publish.bind(connection),
  };
  const shown = { connection: { ...part, flush }, isConnected: true, maxPayload: link.maxPayload };
  return { link: shown as unknown as NatsLink, failed: () => failed };
}

function openDesk(): PeerDesk {
  const memory = divideMemory(OPTIONS.maxBufferedBytes, OPTIONS.maxOpenRequests);
  const desk = new PeerDesk({ clock: systemClock, telemetry: NO_TELEMETRY, memory, options: OPTIONS });
  desk.serveBy({ fromPeer: () => Promise.resolve({ kind: "nothing", effects: [] }) });
  return desk;
}

natsTest("a member takes commands although NATS was lost several times while it began to", async (t) => {
  const server = await startNatsServer({ jetstream: false });
  t.teardown(() => server.stop());
  const { link, failed } = losing(await openTestLink(t, server.port), 3);
  const desk = openDesk();
  desk.serveAs("pod.1", link, PREFIX);
  await until("it has tried four times", () => failed() === 4);

  const caller = new ForwardCaller({
    link: await openTestLink(t, server.port),
    prefix: PREFIX,
    clock: systemClock,
    telemetry: NO_TELEMETRY,
    memory: new Account(1e6),
    options: forwardOptions(OPTIONS),
    onNoResponder: () => undefined,
  });
  t.teardown(() => caller.close());
  await until("its subscription is known", async () => {
    const asked = caller.call("pod.1", {
      bytes: Buffer.from("no command"),
      deadlineMs: undefined,
      onCancel: () => undefined,
    });
    return (await asked.catch(() => new Uint8Array(0))).length > 0;
  });
  await desk.close();
  t.pass();
});

natsTest("one that is that member no more does not try again", async (t) => {
  const server = await startNatsServer({ jetstream: false });
  t.teardown(() => server.stop());
  const { link, failed } = losing(await openTestLink(t, server.port), Number.POSITIVE_INFINITY);
  const desk = openDesk();
  desk.serveAs("pod.1", link, PREFIX);
  await until("it has tried", () => failed() > 0);
  desk.serveAs(undefined, link, PREFIX);
  await desk.close();
  const tried = failed();
  desk.serveAs("pod.2", link, PREFIX);
  await until("the next one tries", () => failed() > tried);
  desk.stop();
  await desk.close();
  t.pass();
});
