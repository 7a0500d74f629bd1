// SPDX-License-Identifier: Apache-2.0

// Several proxies for each of two namespaces, on one NATS with the configuration of docs/tenants.md.

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import type { ExecutionContext } from "ava";
import test from "ava";

import { SHARDS } from "../../pkg/base/mod.ts";

import { COUNTER_SERVICE } from "../lib/counter.ts";
import { startCounterPod } from "../lib/counter-pod.ts";
import type { LocalProxy } from "../lib/local-proxy.ts";
import { natsTest } from "../lib/nats/nats-test.ts";
import { documentedPermissions, subjectsOf } from "../lib/nats/permissions.ts";
import type { NatsServer } from "../lib/nats/server.ts";
import { startNatsServer } from "../lib/nats/server.ts";
import { until } from "../lib/until.ts";

const CONFIGURATION = readFileSync(
  join(import.meta.dirname, "../../docs/tenants-example/tenants.conf"),
  "utf8",
).replace(/^include .*$/m, "authorization { timeout: 30 }");

/** Both namespaces use it, as if the webhook had not checked it. */
const PREFIX = "shop_cart";
const BUCKET = `${PREFIX}_cluster`;

function passwordOf(user: string): string {
  return new RegExp(`user: ${user}, password: "([^"]+)"`).exec(CONFIGURATION)?.[1] ?? "";
}

function startPod(t: ExecutionContext, server: NatsServer, user: string, pod: string): Promise<LocalProxy> {
  return startCounterPod(t, pod, {
    PERDURE_LOG: `${server.url}/${PREFIX}`,
    PERDURE_LOG_STREAMS: "1",
    NATS_USER: user,
    NATS_PASSWORD: passwordOf(user),
  });
}

async function owned(proxy: LocalProxy): Promise<number> {
  const [, own] = /serves (\d+) of 1024 shards/.exec((await proxy.readyz()).body) ?? [];
  return Number(own);
}

async function untilShared([one, other]: readonly [LocalProxy, LocalProxy]): Promise<void> {
  await until("each has its part, and both have all", async () => {
    const [first, second] = [await owned(one), await owned(other)];
    return first > 0 && second > 0 && first + second === SHARDS;
  });
}

/** Gives the new total. */
async function add(proxy: LocalProxy, id: string, amount: number): Promise<number | undefined> {
  const { body } = await proxy.http.call(`/${COUNTER_SERVICE}/Add`, { body: { id, amount } });
  return (JSON.parse(body) as { readonly amount?: number }).amount;
}

natsTest(
  "proxies of two namespaces with the same prefix are two clusters, with state of their own",
  async (t) => {
    const server = await startNatsServer({ more: CONFIGURATION });
    t.teardown(() => server.stop());
    const shop = [
      await startPod(t, server, "shop", "pod-a"),
      await startPod(t, server, "shop", "pod-b"),
    ] as const;
    const bank = [
      await startPod(t, server, "bank", "pod-a"),
      await startPod(t, server, "bank", "pod-b"),
    ] as const;
    for (const pods of [shop, bank]) await untilShared(pods);
    for (let count = 1; count <= 10; count++) {
      t.is(await add(shop[count % 2] as LocalProxy, "ann", 1), count);
      t.is(await add(bank[count % 2] as LocalProxy, "ann", 2), 2 * count);
    }
    t.deepEqual(
      server.log.filter((line) => line.includes("Violation")),
      [],
    );
  },
);

natsTest(
  "credentials of another namespace neither hear the proxies of a service nor tell them anything",
  async (t) => {
    const server = await startNatsServer({ more: CONFIGURATION });
    t.teardown(() => server.stop());
    const pods = [
      await startPod(t, server, "shop", "pod-a"),
      await startPod(t, server, "shop", "pod-b"),
    ] as const;
    await untilShared(pods);
    const before = await Promise.all(pods.map(owned));

    const thief = await connect({
      servers: [`127.0.0.1:${server.port}`],
      user: "bank",
      pass: passwordOf("bank"),
      timeout: 30_000,
    });
    t.teardown(() => thief.close());
    const manager = await jetstreamManager(thief, { timeout: 5_000, checkAPI: false });
    await t.throwsAsync(manager.streams.info(BUCKET), { message: /stream not found/ });
    await t.throwsAsync(manager.streams.getMessage(BUCKET, { seq: 1 }));
    const heard: string[] = [];
    const subjects = ["*.heartbeat.*", "*.ping.*", "*.pong.>", "*.forward.>"];
    for (const subject of subjects)
      thief.subscribe(subject, {
        callback: (error, message) => void heard.push(error?.message ?? message.subject),
      });
    // What would evict the members, and take their shards.
    const members = pods.map(
      (_, index) => `${BUCKET}.member.${Buffer.from(`pod-${"ab"[index]}.x`).toString("base64url")}`,
    );
    for (const subject of members) thief.publish(subject, "");
    for (let segment = 0; segment < 16; segment++) thief.publish(`${BUCKET}.segment.${segment}`, "");
    thief.publish(`${BUCKET}-talk.heartbeat.x`, "");
    await thief.flush();
    for (let count = 1; count <= 40; count++)
      t.is(await add(pods[count % 2] as LocalProxy, `counter-${count}`, 1), 1);
    await thief.flush();
    // Its own heartbeat is all that it hears.
    t.deepEqual(heard, [`${BUCKET}-talk.heartbeat.x`]);
    t.deepEqual(await Promise.all(pods.map(owned)), before);

    // Nor can the service's own credentials remove what says who owns what.
    const careless = await connect({
      servers: [`127.0.0.1:${server.port}`],
      user: "shop",
      pass: passwordOf("shop"),
      timeout: 30_000,
    });
    t.teardown(() => careless.close());
    const own = await jetstreamManager(careless, { timeout: 1_000, checkAPI: false });
    await t.throwsAsync(own.streams.delete(BUCKET));
    await t.throwsAsync(own.streams.purge(BUCKET));
    t.is((await own.streams.info(BUCKET)).config.name, BUCKET);
  },
);

/** Whether a subject with wildcards, as NATS has them, allows all that another one does. */
function includes(pattern: string, subject: string): boolean {
  const [wide, narrow] = [pattern.split("."), subject.split(".")];
  for (const [at, token] of wide.entries()) {
    if (token === ">") return narrow.length > at;
    const other = narrow[at];
    if (other === undefined || other === ">" || (token !== "*" && token !== other)) return false;
  }
  return narrow.length === wide.length;
}

/** What the proxies of a service publish to and hear below the two names that are in the table with `>`. */
const OF_TALK = [
  "heartbeat.x",
  "ping.x",
  "pong.x.y",
  "forward.call.x",
  "forward.cancel.x",
  "forward.answer.x.1.a",
];
const USED: Readonly<Record<string, readonly string[]>> = {
  [`${BUCKET}.>`]: ["member.x", "segment.15"].map((end) => `${BUCKET}.${end}`),
  [`${BUCKET}-talk.>`]: OF_TALK.map((end) => `${BUCKET}-talk.${end}`),
};

test("the tenants' users may do what docs/event-log.md names, and nothing else", (t) => {
  const rows = [...documentedPermissions("log"), ...documentedPermissions("cluster")];
  const words = { prefix: PREFIX, streams: 2, inbox: "_INBOX" };
  for (const verb of ["publish", "subscribe"]) {
    const [, list = ""] = new RegExp(`${verb}: \\{ allow: \\[([^\\]]*)\\]`).exec(CONFIGURATION) ?? [];
    const allowed = [...list.matchAll(/"([^"]+)"/g)].map(([, subject = ""]) => subject);
    t.true(allowed.length > 0);
    const named = rows.filter((row) => row.verb === verb).flatMap((row) => subjectsOf(row, words));
    const needed = named.flatMap((subject) => USED[subject] ?? [subject]);
    const missing = needed.filter((subject) => !allowed.some((pattern) => includes(pattern, subject)));
    t.deepEqual(missing, [], verb);
    // Streams are made by a proxy, for which the page has a sentence.
    const making = `$JS.API.STREAM.CREATE.${PREFIX}_ev_0`;
    const idle = allowed.filter(
      (pattern) => ![...needed, making].some((subject) => includes(pattern, subject)),
    );
    t.deepEqual(idle, [], verb);
  }
});
