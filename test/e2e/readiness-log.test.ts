// SPDX-License-Identifier: Apache-2.0

import * as fs from "node:fs";
import { join } from "node:path";

import test from "ava";

import { loseLog } from "../attack/lost-log.ts";
import { readCart } from "../lib/carts.ts";
import { httpClient } from "../lib/http-client.ts";
import { natsTest } from "../lib/nats/nats-test.ts";
import { startNatsServer } from "../lib/nats/server.ts";
import type { ProxyProcess, TestScope } from "../lib/processes.ts";
import { startProxyProcess, startShoppingCart, temporaryFolder } from "../lib/processes.ts";
import { managerOf } from "../lib/stream-manager.ts";
import { until } from "../lib/until.ts";

const LOAD = { callers: 8, beforeMs: 1_000, afterMs: 2_500 };

/**
 * A commit notices that the file is gone, and without commits a check does: within a second, or a few on a busy
 * machine.
 */
const FILE_WITHIN_MS = 5_000;
/** The server takes some time to delete streams, and an append is seen as unanswered only after its deadline. */
const STREAMS_WITHIN_MS = 10_000;

test("a SQLite file that is deleted under load: unready soon, and nothing is acknowledged any more", async (t) => {
  const path = join(temporaryFolder(t), "state", "log.db");
  const { proxy, functionPort } = await start(t, `sqlite:${path}`);
  const lost = await loseLog({ ...proxy, ...LOAD, lose: () => fs.rmSync(path) });
  t.deepEqual(lost.acknowledgedAfterMs, []);
  t.true((lost.refused.get("LOG_UNUSABLE") ?? 0) > 0, [...lost.refused.keys()].join());
  t.true((lost.unreadyAfterMs ?? Infinity) < FILE_WITHIN_MS, `unready after ${lost.unreadyAfterMs} ms`);
  t.regex(lost.readyz, /^\[-\] log: .*log\.db: the file is gone.*\(LOG_UNUSABLE\)$/m);
  t.log(
    `unready after ${lost.unreadyAfterMs?.toFixed(0)} ms, ${[...lost.before.values()].flat().length} before`,
  );
  t.is(proxy.stdout.filter((line) => line.includes("appends would fail")).length, 1);

  // The process still has the deleted files open. docs/event-log.md explains how to restore them.
  if (process.platform === "linux") {
    rescue(proxy.pid, path);
    await proxy.kill("SIGKILL");
    await holdsAll(t, `sqlite:${path}`, functionPort, lost.before);
  }
});

test("a SQLite file that is moved away under load and back: the proxy is ready again, and all is there", async (t) => {
  const path = join(temporaryFolder(t), "log.db");
  const { proxy, functionPort } = await start(t, `sqlite:${path}`);
  const lost = await loseLog({ ...proxy, ...LOAD, lose: () => fs.renameSync(path, `${path}-away`) });
  t.deepEqual(lost.acknowledgedAfterMs, []);
  t.true((lost.unreadyAfterMs ?? Infinity) < FILE_WITHIN_MS, `unready after ${lost.unreadyAfterMs} ms`);
  fs.renameSync(`${path}-away`, path);
  const admin = httpClient(proxy.adminPort);
  t.teardown(() => admin.close());
  await until("it is ready again", async () => (await admin.call("/readyz")).status === 200);
  await proxy.line("healed", (line) => (line.includes("appends would work again") ? true : undefined));
  await proxy.kill("SIGKILL");
  await holdsAll(t, `sqlite:${path}`, functionPort, lost.before);
});

/** Which streams are deleted, and what readiness says first. */
const DELETED = {
  "streams of the log": {
    isDeleted: (name: string) => !name.endsWith("_cluster"),
    says: /^\[-\] log: .*no stream takes it: JetStream is off, the stream is gone.*\(LOG_UNAVAILABLE\)$/m,
  },
  "all streams": { isDeleted: () => true, says: /^\[-\] (?:log|cluster): /m },
};

for (const [what, { isDeleted, says }] of Object.entries(DELETED)) {
  natsTest(
    `${what} that are deleted under load: unready soon, and nothing is acknowledged any more`,
    async (t) => {
      const server = await startNatsServer();
      t.teardown(() => server.stop());
      const { proxy } = await start(t, `${server.url}/shop`);
      const { streams } = await managerOf(t, `127.0.0.1:${server.port}`);
      const lose = async (): Promise<void> => {
        for await (const { config } of streams.list())
          if (isDeleted(config.name)) await streams.delete(config.name);
      };
      const lost = await loseLog({ ...proxy, ...LOAD, lose });
      t.deepEqual(lost.acknowledgedAfterMs, []);
      t.true(
        (lost.unreadyAfterMs ?? Infinity) < STREAMS_WITHIN_MS,
        `unready after ${lost.unreadyAfterMs} ms`,
      );
      t.regex(lost.readyz, says);
      t.log(`unready after ${lost.unreadyAfterMs?.toFixed(0)} ms`);
    },
  );
}

natsTest("an idle proxy whose NATS server goes away is unready until it is back", async (t) => {
  const server = await startNatsServer();
  t.teardown(() => server.stop());
  const { proxy } = await start(t, `${server.url}/shop`);
  const admin = httpClient(proxy.adminPort);
  t.teardown(() => admin.close());
  const answers = async (status: number) => (await admin.call("/readyz")).status === status;
  await server.kill();
  await until("it is unready", () => answers(503));
  await server.restart();
  await until("it is ready", () => answers(200));
  t.regex(
    (await admin.call("/readyz?verbose")).body,
    /^\[\+\] log\n\[\+\] user function\n\[\+\] cluster: .*\nok\n$/,
  );
});

async function start(
  t: TestScope,
  log: string,
): Promise<{ readonly proxy: ProxyProcess; readonly functionPort: number }> {
  const { port: functionPort } = await startShoppingCart(t);
  const env = { USER_FUNCTION_PORT: functionPort, PERDURE_LOG: log, PERDURE_APPEND_DEADLINE_MS: 500 };
  const proxy = await startProxyProcess(t, env);
  await proxy.ready();
  return { proxy, functionPort };
}

/** Copies the deleted files out of the process that has them open. Nothing is written to them meanwhile. */
function rescue(pid: number, path: string): void {
  const folder = `/proc/${pid}/fd`;
  for (const name of fs.readdirSync(folder)) {
    const target = targetOf(join(folder, name));
    if (target === `${path} (deleted)`) fs.copyFileSync(join(folder, name), path);
  }
}

/** Undefined if the descriptor has been closed since the list was read. */
function targetOf(link: string): string | undefined {
  try {
    return fs.readlinkSync(link);
  } catch {
    return undefined;
  }
}

/** A new proxy finds everything that was acknowledged. */
async function holdsAll(
  t: TestScope & { deepEqual(actual: unknown, expected: unknown): unknown },
  log: string,
  functionPort: number,
  before: ReadonlyMap<string, readonly string[]>,
): Promise<void> {
  const proxy = await startProxyProcess(t, { USER_FUNCTION_PORT: functionPort, PERDURE_LOG: log });
  await proxy.ready();
  const client = httpClient(proxy.port);
  t.teardown(() => client.close());
  for (const [cart, tokens] of before) {
    const answer = await readCart(client, cart);
    const found = new Set(answer.kind === "cart" ? answer.tokens : []);
    t.deepEqual(
      tokens.filter((token) => !found.has(token)),
      [],
    );
  }
}
