// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { JetStreamManager } from "@nats-io/jetstream";
import { jetstreamManager } from "@nats-io/jetstream";
import type { Msg } from "@nats-io/transport-node";
import { connect } from "@nats-io/transport-node";
import type { ExecutionContext } from "ava";

import { natsTest } from "../../../test/lib/nats/nats-test.ts";
import type { NatsServer } from "../../../test/lib/nats/server.ts";
import { until } from "../../../test/lib/until.ts";
import type { EventLog } from "../event-log.ts";
import { NO_POSITION } from "../event-log.ts";
import { addressOf, openLog, refused, startServer } from "./test-lib/logs.ts";

/** The configuration that docs/tenants.md shows. A test's own settings replace the `include` line. */
const TENANTS = readFileSync(
  join(import.meta.dirname, "../../../docs/tenants-example/tenants.conf"),
  "utf8",
).replace(/^include .*$/m, "authorization { timeout: 30 }");

const ANN = { type: "cart", id: "ann" };
const BOB = { type: "cart", id: "bob" };
const one = new Uint8Array([1]);
const two = new Uint8Array([2]);

function passwordOf(user: string): string {
  return new RegExp(`user: ${user}, password: "([^"]+)"`).exec(TENANTS)?.[1] ?? "";
}

function openAs(t: ExecutionContext, server: NatsServer, user: string, prefix: string): Promise<EventLog> {
  const credentials = { kind: "password", user, password: passwordOf(user) } as const;
  return openLog(t, addressOf(server), { credentials, requestTimeoutMs: 1_000 }, prefix);
}

/** Connects without a log, as an attacker does who has taken the credentials out of a pod. */
async function byHand(t: ExecutionContext, server: NatsServer, user: string) {
  const connection = await connect({
    servers: [addressOf(server)],
    user,
    pass: passwordOf(user),
    timeout: 30_000,
  });
  t.teardown(() => connection.close());
  const manager: JetStreamManager = await jetstreamManager(connection, { timeout: 1_000, checkAPI: false });
  return { connection, manager };
}

function violations(server: NatsServer, user: string, subject: string): number {
  const isIt = (line: string) => ["Violation", user, subject].every((part) => line.includes(part));
  return server.log.filter(isIt).length;
}

natsTest(
  "a namespace with an account of its own has all that a log needs, and nothing of another's",
  async (t) => {
    const server = await startServer(t, { more: TENANTS });
    const shop = await openAs(t, server, "shop", "shop_cart");
    await shop.append(ANN, NO_POSITION, one);
    await shop.saveSnapshot(BOB, await shop.append(BOB, NO_POSITION, one), one);
    await shop.saveCheckpoint("reader", [1]);

    // The same prefix, as if the webhook had not checked it. It is another log, because the account is another one.
    const bank = await openAs(t, server, "bank", "shop_cart");
    t.deepEqual((await bank.read(ANN)).records, []);
    t.deepEqual(await bank.readCheckpoint("reader"), undefined);
    const listed: string[] = [];
    for await (const id of bank.list("cart")) listed.push(id);
    t.deepEqual(listed, []);
    await bank.append(ANN, NO_POSITION, two);
    await bank.append({ type: "cart", id: "zoe" }, NO_POSITION, two);

    const { records } = await shop.read(ANN);
    t.deepEqual(
      records.map(({ bytes }) => bytes),
      [one],
    );
    const own: string[] = [];
    for await (const id of shop.list("cart")) own.push(id);
    t.deepEqual(own.sort(), ["ann", "bob"]);
  },
);

natsTest(
  "credentials of a namespace can neither read nor write the streams of another, nor destroy their own",
  async (t) => {
    const server = await startServer(t, { more: TENANTS });
    const shop = await openAs(t, server, "shop", "shop_cart");
    const first = await shop.append(ANN, NO_POSITION, one);

    const thief = await byHand(t, server, "bank");
    await t.throwsAsync(thief.manager.streams.info("shop_cart_ev_0"), { message: /stream not found/ });
    await t.throwsAsync(thief.manager.direct.getMessage("shop_cart_ev_0", { seq: 1 }));
    for (let segment = 0; segment < 16; segment++) {
      thief.connection.publish(`shop_cart.ev.${segment}.cart.ann`, two);
    }
    await thief.connection.flush();
    const heard: string[] = [];
    const listen = (error: Error | null, message: Msg): void =>
      void heard.push(error?.message ?? message.subject);
    thief.connection.subscribe(">", { callback: listen });
    thief.connection.subscribe("_INBOX.>", { callback: listen });
    const second = await shop.append(ANN, first, one);
    await thief.connection.flush();
    await until("it may not hear everything", () => heard.length > 0);
    t.deepEqual(heard, ['Permissions Violation for Subscription to ">"']);
    t.is((await shop.read(ANN)).records.length, 2);

    const careless = await byHand(t, server, "shop");
    for (const [what, attempt] of [
      ["$JS.API.STREAM.DELETE.shop_cart_ev_0", careless.manager.streams.delete("shop_cart_ev_0")],
      ["$JS.API.STREAM.PURGE.shop_cart_ev_0", careless.manager.streams.purge("shop_cart_ev_0")],
    ] as const) {
      await t.throwsAsync(attempt, undefined, what);
      await until(`${what} is refused`, () => violations(server, "shop", what) > 0);
    }
    await shop.append(ANN, second, one);
    t.is((await shop.read(ANN)).records.length, 3);
  },
);

natsTest("without the credentials of a namespace there is no log at all", async (t) => {
  const server = await startServer(t, { more: TENANTS });
  await refused(t, openLog(t, addressOf(server), {}, "shop_cart"), "LOG_UNUSABLE");
  const wrong = { kind: "password", user: "shop", password: passwordOf("bank") } as const;
  await refused(t, openLog(t, addressOf(server), { credentials: wrong }, "shop_cart"), "LOG_UNUSABLE");
});
