// SPDX-License-Identifier: Apache-2.0

import type { ExecutionContext } from "ava";
import test from "ava";

import { attackDrain, outsideAddress } from "../attack/admin/forbidden-drains.ts";
import { holdAdminConnections } from "../attack/admin/held-connections.ts";
import { counterSpec } from "../lib/counter.ts";
import { counterFunction } from "../lib/counter-function.ts";
import { httpClient } from "../lib/http-client.ts";
import type { ProxyProcess } from "../lib/processes.ts";
import { startProxyProcess } from "../lib/processes.ts";
import { startScriptedUserFunction } from "../lib/scripted-user-function.ts";

const SECRET = "the-secret-of-this-pod";
const ADD = "/perdure.test.Counter/Add";

async function readyProxy(
  t: ExecutionContext,
  env: Readonly<Record<string, string>> = {},
): Promise<ProxyProcess> {
  const userFunction = await startScriptedUserFunction({
    spec: counterSpec(),
    onMessage: counterFunction(),
  });
  t.teardown(() => userFunction.kill());
  const proxy = await startProxyProcess(t, {
    ADMIN_HOST: "0.0.0.0",
    PERDURE_LOG: "memory:",
    USER_FUNCTION_PORT: userFunction.port,
    ...env,
  });
  await proxy.ready();
  return proxy;
}

for (const hasSecret of [true, false]) {
  test(`${hasSecret ? "with" : "without"} a secret, no forbidden way drains a proxy`, async (t) => {
    const proxy = await readyProxy(t, hasSecret ? { PERDURE_DRAIN_SECRET: SECRET } : {});
    const { adminPort } = proxy;
    const outside = outsideAddress();
    const addresses = ["127.0.0.1", ...(outside === undefined ? [] : [outside])];
    const report = await attackDrain({ adminPort, hasSecret, addresses });
    t.log(
      `${report.tried} ways${outside === undefined ? "; none from beyond loopback: there is no address" : ""}`,
    );
    t.like(report, { accepted: [], unready: [] });
    t.false(proxy.stdout.some((line) => line.includes('"draining"')));

    // This shows that the attack would notice a drain: the allowed request does drain the proxy.
    const admin = httpClient(adminPort);
    t.teardown(() => admin.close());
    const headers = { "perdure-drain-secret": SECRET };
    const drained = await admin.call("/drain", hasSecret ? { headers } : { method: "POST" });
    t.like(drained, { status: 200, body: "drained\n" });
    t.is((await admin.call("/readyz")).status, 503);
  });
}

test("connections to the admin port, as many as there may be, hurt neither it nor the public port", async (t) => {
  const { port, adminPort } = await readyProxy(t);
  const flood = await holdAdminConnections(adminPort, 2_000);
  t.teardown(() => flood.release());
  t.is(flood.report().opened, 2_000);
  const [http, admin] = [httpClient(port), httpClient(adminPort)];
  t.teardown(() => {
    http.close();
    admin.close();
  });
  t.like(await admin.call("/readyz"), { status: 200 });
  t.like(await http.call(ADD, { body: { id: "a", amount: 1 } }), { status: 200 });
  t.true(flood.report().left <= 1_000, `${flood.report().left} are open`);
});
