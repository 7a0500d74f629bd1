// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { SEGMENTS, SHARDS, systemClock } from "../../pkg/base/mod.ts";
import { ClusterBucket } from "../../pkg/cluster/nats/mod.ts";
import { NO_POSITION, openEventLog } from "../../pkg/eventlog/mod.ts";
import { NO_TELEMETRY } from "../../pkg/telemetry/mod.ts";

import { natsTest } from "../lib/nats/nats-test.ts";
import { RELAXED_LOG } from "../lib/nats/relaxed.ts";
import type { NatsServer } from "../lib/nats/server.ts";
import { startNatsServer } from "../lib/nats/server.ts";
import { openTestLink } from "../lib/nats/test-link.ts";
import type { TestScope } from "../lib/processes.ts";
import { managerOf } from "../lib/stream-manager.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const CART = { type: "cart", id: "ann" };

/** Makes the stream in which several proxies say who owns what. */
async function openBucket(scope: TestScope, server: NatsServer, name: string): Promise<void> {
  const link = await openTestLink(scope, server.port);
  await ClusterBucket.open(link, {
    name,
    replicas: 1,
    segments: SEGMENTS,
    segmentSize: SHARDS / SEGMENTS,
    ttlMs: 10_000,
    requestTimeoutMs: 30_000,
  });
}

natsTest(
  "what the pages name as the state of a service is all of it, and nothing of another one's",
  async (t) => {
    const server = await startNatsServer();
    t.teardown(() => server.stop());
    const open = async (prefix: string) => {
      const log = await openEventLog(`${server.url}/${prefix}`, {
        clock: systemClock,
        telemetry: NO_TELEMETRY,
        jetstream: RELAXED_LOG,
      });
      t.teardown(() => log.close());
      return log;
    };
    const others = ["default_cart-2", "default_cart_v2", "other_cart", "my-default_cart"];
    for (const prefix of ["default_cart", ...others]) {
      const log = await open(prefix);
      await log.saveSnapshot(CART, await log.append(CART, NO_POSITION, Buffer.of(1)), Buffer.of(2));
      await log.close();
      await openBucket(t, server, `${prefix}_cluster`);
    }
    const patterns = ["docs/tutorial.md", "docs/event-log.md"].map((page) => {
      const text = readFileSync(join(ROOT, page), "utf8");
      return (
        /nats stream ls --names \| grep -E '([^']+)' \| xargs -n 1 nats stream rm -f\n/.exec(text)?.[1] ?? ""
      );
    });
    t.is(new Set(patterns).size, 1);
    const pattern = new RegExp(patterns[0] || "^$");
    const { streams } = await managerOf(t, `127.0.0.1:${server.port}`);
    let removed = 0;
    for await (const { config } of streams.list()) {
      if (!pattern.test(config.name)) continue;
      t.true(await streams.delete(config.name));
      removed++;
    }
    t.is(removed, 9);
    t.deepEqual(await (await open("default_cart")).read(CART), { records: [], end: true });
    for (const prefix of others) t.is((await (await open(prefix)).read(CART)).snapshot?.position, 1, prefix);
  },
);
