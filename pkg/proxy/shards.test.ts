// SPDX-License-Identifier: Apache-2.0

/** `/shards` of the admin port: who owns which shards. */

import test from "ava";

import { freePort, SHARDS, systemRandom } from "../base/mod.ts";
import type { ClusterView } from "../cluster/node/mod.ts";

import { counterSpec } from "../../test/lib/counter.ts";
import { startLocalProxy, startWorld } from "../../test/lib/local-proxy.ts";
import { natsTest } from "../../test/lib/nats/nats-test.ts";
import { startNatsServer } from "../../test/lib/nats/server.ts";
import { startScriptedUserFunction } from "../../test/lib/scripted-user-function.ts";

const SCRIPT = { spec: counterSpec() };

test("a proxy that is alone says that it owns all shards, and why it is alone", async (t) => {
  const { admin, readyz } = await startWorld(t, SCRIPT);
  const text = await admin.call("/shards");
  t.like(text, {
    status: 200,
    contentType: "text/plain; charset=utf-8",
    body: "This proxy is alone, without a cluster, and owns all 1024 shards: its log is not on NATS.\n",
  });
  const json = await admin.call("/shards", { headers: { accept: "application/json" } });
  t.deepEqual(JSON.parse(json.body), { state: "alone", all: SHARDS, reason: "its log is not on NATS" });
  t.notRegex((await readyz()).body, /cluster/);

  const off = await startWorld(t, SCRIPT, { PERDURE_CLUSTER: "off" });
  t.regex((await off.admin.call("/shards")).body, /owns all 1024 shards: --cluster is off\.$/m);
});

test("it is answered where /inspect is", async (t) => {
  const { admin } = await startWorld(t, SCRIPT, { PERDURE_DRAIN_SECRET: "0123456789abcdef" });
  t.is((await admin.call("/shards")).status, 200);
  t.like(await admin.call("/shards?format=xml"), { status: 400, errorCode: "ADMIN_BAD_QUERY" });
  t.like(await admin.call("/shards", { method: "POST" }), {
    status: 405,
    errorCode: "ADMIN_METHOD_NOT_ALLOWED",
  });
  const page = { headers: { origin: "http://localhost" } };
  t.like(await admin.call("/shards", page), { status: 403, errorCode: "ADMIN_PAGE_NOT_ALLOWED" });
});

natsTest("a member says what it owns, and before it is one, why it owns nothing", async (t) => {
  const server = await startNatsServer();
  t.teardown(() => server.stop());
  const port = await freePort("127.0.0.1", systemRandom);
  const { admin, readyz, ready } = await startLocalProxy(t, port, {
    PERDURE_LOG: `nats://127.0.0.1:${server.port}/shop`,
    PERDURE_LOG_DURABILITY: "relaxed",
    POD_NAME: "pod-a",
  });
  const problem = "not joined yet: waits for the user function";
  t.is((await admin.call("/shards")).body, `This proxy owns no shards: ${problem}.\n`);
  const early = await admin.call("/shards?format=json");
  t.deepEqual(JSON.parse(early.body), { state: "waiting", all: SHARDS, problem, members: [], shards: [] });
  t.true((await readyz()).body.includes(`[-] cluster: ${problem}\n`));

  const userFunction = await startScriptedUserFunction({ ...SCRIPT, port });
  t.teardown(() => userFunction.kill());
  await ready();
  t.true((await readyz()).body.includes("[+] cluster: serves 1024 of 1024 shards, beside 0 other members\n"));
  t.regex(
    (await admin.call("/shards")).body,
    /^ {4}pod-a\.\w+ +this one +- +100 +1024 +1024 +\S+ +1 +0-1023\n {2}moving {2}none\n$/m,
  );
  const json = await admin.call("/shards?format=json");
  const { state, self, members, shards } = JSON.parse(json.body) as ClusterView & { readonly state: string };
  t.is(state, "member");
  t.like(members, {
    0: { member: self, pod: "pod-a", isThisOne: true, owned: SHARDS, due: SHARDS },
    length: 1,
  });
  t.like(shards[1_023], { shard: 1_023, state: "owned", owner: self, epoch: 1, open: 0 });
  t.is(shards.length, SHARDS);
});
