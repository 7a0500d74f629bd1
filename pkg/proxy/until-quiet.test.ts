// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { freePort, systemRandom } from "../base/mod.ts";

import { startQueueProxy } from "../../test/lib/queue-proxy.ts";
import { until } from "../../test/lib/until.ts";
import { untilQuiet } from "./until-quiet.ts";

const LONG_MS = 60_000;
const NEVER = new AbortController().signal;

test("it is quiet at once where nobody can tell", async (t) => {
  t.is(await untilQuiet("", LONG_MS, NEVER), undefined);
});

test("it waits for the answer, and takes any", async (t) => {
  const { url, waiting } = await startQueueProxy(t);
  let isQuiet = false;
  const quiet = untilQuiet(url, LONG_MS, NEVER).then((reason) => {
    isQuiet = true;
    return reason;
  });
  await until("it has asked", () => waiting.length === 1);
  t.false(isQuiet);
  waiting[0]?.writeHead(503).end();
  t.is(await quiet, undefined);
});

test("who is not there, or goes away, is not waited for", async (t) => {
  const nobody = `http://127.0.0.1:${await freePort("127.0.0.1", systemRandom)}/`;
  t.regex((await untilQuiet(nobody, LONG_MS, NEVER)) ?? "", /ECONNREFUSED/);
  const { url, waiting } = await startQueueProxy(t);
  const quiet = untilQuiet(url, LONG_MS, NEVER);
  await until("it has asked", () => waiting.length === 1);
  waiting[0]?.destroy();
  t.regex((await quiet) ?? "", /wait-for-drain: socket hang up/);
});

test("I11: it waits no longer than it may", async (t) => {
  const { url } = await startQueueProxy(t);
  t.is(await untilQuiet(url, 50, NEVER), `${url}: no answer within 50 ms`);
});

test("I11: it does not wait after the proxy was told to stop", async (t) => {
  const { url, waiting } = await startQueueProxy(t);
  const stop = new AbortController();
  const quiet = untilQuiet(url, LONG_MS, stop.signal);
  await until("it has asked", () => waiting.length === 1);
  stop.abort();
  t.regex((await quiet) ?? "", /abort/);
});
