// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

import type { ExecutionContext } from "ava";
import test from "ava";

import { freePort, Semaphore, systemRandom } from "../../pkg/base/mod.ts";

import { httpClient } from "../lib/http-client.ts";
import { natsTest } from "../lib/nats/nats-test.ts";
import { RELAXED_PROXY } from "../lib/nats/relaxed.ts";
import { startNatsServer } from "../lib/nats/server.ts";
import { greetAsNats } from "../lib/nats-greeting.ts";
import type { RunningProcess } from "../lib/processes.ts";
import { PROXY, startProcess, temporaryFolder } from "../lib/processes.ts";
import { until } from "../lib/until.ts";

type Environment = Readonly<Record<string, string | number>>;

const LOCAL = { HTTP_HOST: "127.0.0.1", ADMIN_HOST: "127.0.0.1", HTTP_PORT: 0, ADMIN_PORT: 0 };

/** Two processes at a time: more would only wait for each other. */
const turns = new Semaphore(2);

/** Starts a proxy that cannot start. It must end with this code and give the reason, without revealing a secret. */
async function refuses(t: ExecutionContext, env: Environment, code: number, text: RegExp): Promise<void> {
  await turns.acquire();
  const proxy = startProcess(t, PROXY, { ...LOCAL, ...env });
  const exit = await proxy.exited.finally(() => turns.release());
  t.regex(proxy.stderr.join("\n"), text);
  saysNoSecret(t, proxy);
  t.deepEqual(exit, { code, signal: null });
}

function saysNoSecret(t: ExecutionContext, { stdout, stderr }: RunningProcess): void {
  t.notRegex([...stdout, ...stderr].join("\n"), /hidden|^\s*at /m);
}

test("settings that contradict each other end the proxy as wrong usage", (t) => {
  const env = { PERDURE_LOG: "nats://a:hidden@127.0.0.1:1", NATS_TOKEN: "hidden" };
  return refuses(
    t,
    env,
    2,
    /^perdure: credentials of NATS stand in the address and in a setting: keep one$/m,
  );
});

test("a NATS server that is too old ends the proxy with the version to install", async (t) => {
  const port = await greetAsNats(t, { version: "2.10.18", jetstream: true });
  const text = /^perdure: 127\.0\.0\.1:\d+: nats-server 2\.10\.18 is too old: install 2\.12 or newer$/m;
  await refuses(t, { PERDURE_LOG: `nats://127.0.0.1:${port}` }, 1, text);
});

test("a file with credentials that is not there ends the proxy with its name", (t) => {
  const path = join(temporaryFolder(t), "absent.creds");
  return refuses(t, { PERDURE_LOG: "nats://127.0.0.1:1", NATS_CREDS: path }, 1, /absent\.creds .*ENOENT/);
});

natsTest("a NATS server that does not let the proxy in ends it with what to check", async (t) => {
  const auth = { kind: "password", user: "perdure", password: "right" } as const;
  const server = await startNatsServer({ auth, jetstream: false });
  t.teardown(() => server.stop());
  const inAddress = { PERDURE_LOG: `nats://perdure:hidden@127.0.0.1:${server.port}` };
  await refuses(t, inAddress, 1, /^perdure: .*refuses the credentials: check user, password/);
  const inSettings = { PERDURE_LOG: server.url, NATS_USER: "perdure", NATS_PASSWORD: "hidden" };
  await refuses(t, inSettings, 1, /^perdure: .*refuses the credentials/);
  const off = { ...inSettings, NATS_PASSWORD: "right" };
  await refuses(t, off, 1, /^perdure: .*JetStream is off: start nats-server with -js/);
});

natsTest(
  "a NATS server that is not there yet is waited for; the admin port and the log say so",
  async (t) => {
    const [port, adminPort] = [
      await freePort("127.0.0.1", systemRandom),
      await freePort("127.0.0.1", systemRandom),
    ];
    const env = {
      ADMIN_PORT: adminPort,
      PERDURE_LOG: `nats://perdure:hidden@127.0.0.1:${port}/shop`,
      USER_FUNCTION_PORT: 1,
    };
    const proxy = startProcess(t, PROXY, { ...LOCAL, ...RELAXED_PROXY, ...env });
    await proxy.line("a warning", (line) => (line.includes("event log: not there yet") ? true : undefined));
    const admin = httpClient(adminPort, { connections: 1 });
    t.teardown(() => admin.close());
    t.is((await admin.call("/livez")).status, 200);
    const waiting = await admin.call("/readyz?verbose");
    t.is(waiting.status, 503);
    t.regex(waiting.body, /^\[-\] log: 127\.0\.0\.1:\d+: no NATS server answers there/);

    const auth = { kind: "password", user: "perdure", password: "hidden" } as const;
    const server = await startNatsServer({ port, auth });
    t.teardown(() => server.stop());
    const log = await proxy.line("listening", (line) =>
      line.includes('"listening"') ? (JSON.parse(line) as { readonly log: string }).log : undefined,
    );
    t.is(log, `nats://…@127.0.0.1:${port}/shop`);
    await until("it waits for the user function", async () =>
      (await admin.call("/readyz?verbose")).body.startsWith("[+] log\n[-] user function"),
    );
    saysNoSecret(t, proxy);
  },
);

test("a proxy that waits for its log ends when it is told to, or when it has waited long enough", async (t) => {
  const env = { ...LOCAL, PERDURE_LOG: "nats://127.0.0.1:1" };
  const proxy = startProcess(t, PROXY, env);
  await proxy.line("a warning", (line) => (line.includes("event log: not there yet") ? true : undefined));
  t.deepEqual(await proxy.kill("SIGTERM"), { code: 0, signal: null });
  const text = /^perdure: 127\.0\.0\.1:1: no NATS server answers there/;
  await refuses(t, { ...env, PERDURE_LOG_START_TIMEOUT_MS: 100 }, 1, text);
});
