// SPDX-License-Identifier: Apache-2.0
// A proxy that has never served ends if waiting longer cannot help. Its last message reaches Kubernetes.

import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { createServer as createTcpServer } from "node:net";
import { join } from "node:path";

import type { ExecutionContext } from "ava";
import test from "ava";

import { freePort, Semaphore, systemRandom } from "../../pkg/base/mod.ts";

import { counterSpec } from "../lib/counter.ts";
import { httpClient } from "../lib/http-client.ts";
import { natsTest } from "../lib/nats/nats-test.ts";
import { RELAXED_PROXY } from "../lib/nats/relaxed.ts";
import { startNatsServer } from "../lib/nats/server.ts";
import { PROXY, startProcess, startProxyProcess, temporaryFolder } from "../lib/processes.ts";
import { startScriptedUserFunction } from "../lib/scripted-user-function.ts";
import { until } from "../lib/until.ts";

type Environment = Readonly<Record<string, string | number>>;

const LOCAL = {
  HTTP_HOST: "127.0.0.1",
  ADMIN_HOST: "127.0.0.1",
  HTTP_PORT: 0,
  ADMIN_PORT: 0,
  PERDURE_LOG: "memory:",
};

/** Long enough for a try or two, on a busy machine too. */
const SOON = { PERDURE_START_TIMEOUT_MS: 1_500, PERDURE_BACKOFF_MAX_MS: 50 };

/** For starts that must fail before their time is over. */
const LATE = { PERDURE_START_TIMEOUT_MS: 600_000 };

/** Two processes at a time: more would only wait for each other. */
const turns = new Semaphore(2);

/** Starts a proxy that cannot start. It must end with this code, and write the reason to the file. */
async function ends(t: ExecutionContext, env: Environment, code: number, message: RegExp): Promise<void> {
  const file = join(temporaryFolder(t), "termination-log");
  await turns.acquire();
  const proxy = startProcess(t, PROXY, { ...LOCAL, ...env, PERDURE_TERMINATION_MESSAGE_FILE: file });
  const exit = await proxy.exited.finally(() => turns.release());
  const said = readFileSync(file, "utf8");
  t.regex(said, message);
  t.deepEqual(exit, { code, signal: null });
  const last = proxy.stderr.at(-1) ?? "";
  t.true(said.startsWith(last.replace(/^perdure: /, "")), `standard error says the same: ${last}`);
}

async function listen(t: ExecutionContext, server: Server): Promise<number> {
  server.listen({ host: "127.0.0.1", port: 0 });
  t.teardown(() => void server.close());
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

test("a user function that does not listen ends the proxy after its time", async (t) => {
  const port = await freePort("127.0.0.1", systemRandom);
  const text = new RegExp(
    `^the user function does not listen on ${port}, 1\\.5 s after the start; .* \\(USER_FUNCTION_NOT_LISTENING\\)$`,
  );
  await ends(t, { ...SOON, USER_FUNCTION_PORT: port }, 1, text);
});

test("a user function that speaks plain HTTP ends the proxy after its time", async (t) => {
  const port = await listen(
    t,
    createHttpServer((_request, response) => void response.end("hello")),
  );
  const text = new RegExp(
    `^what listens on ${port} does not speak gRPC: it answers, but not in HTTP/2\\. .* \\(USER_FUNCTION_NOT_GRPC\\)$`,
  );
  await ends(t, { ...SOON, USER_FUNCTION_PORT: port }, 1, text);
});

test("so does one that speaks HTTP/2 and no gRPC", async (t) => {
  const server = createHttp2Server((_request, response) => void response.end("hello"));
  const port = await listen(t, server);
  const text = new RegExp(`^what listens on ${port} does not speak gRPC: .* \\(USER_FUNCTION_NOT_GRPC\\)$`);
  await ends(t, { ...SOON, USER_FUNCTION_PORT: port }, 1, text);
});

test("so does one that takes connections and says nothing", async (t) => {
  const port = await listen(
    t,
    createTcpServer((socket) => void socket.on("error", () => undefined).resume()),
  );
  const env = { ...SOON, PERDURE_CONNECT_TIMEOUT_MS: 100, USER_FUNCTION_PORT: port };
  const text = new RegExp(
    `^no user function was found on ${port} within 1\\.5 s: .*no HTTP/2 settings.* \\(USER_FUNCTION_NOT_READY\\)$`,
  );
  await ends(t, env, 1, text);
});

test("a user function that is refused ends the proxy as soon as it has been told why", async (t) => {
  const refused = await startScriptedUserFunction({ spec: counterSpec({ entities: [] }) });
  t.teardown(() => refused.kill());
  const text = /^the user function on \d+ was refused: .*announces no entities.* \(USER_FUNCTION_REFUSED\)$/;
  await ends(t, { ...LATE, USER_FUNCTION_PORT: refused.port }, 1, text);
  t.regex(refused.reports.join("\n"), /announces no entities/);
});

test("a setting that makes no sense, and a log that is not there", async (t) => {
  await ends(
    t,
    { HTTP_PORT: "http" },
    2,
    /^HTTP_PORT must be a whole number .*, not "http" \(BAD_SETTING\)$/,
  );
  const nats = { PERDURE_LOG: "nats://127.0.0.1:1", PERDURE_LOG_START_TIMEOUT_MS: 100 };
  await ends(t, nats, 1, /^127\.0\.0\.1:1: no NATS server answers there.* \(LOG_UNAVAILABLE\)$/);
});

natsTest("a log that lacks what only an operator can change ends the proxy at once", async (t) => {
  const auth = { kind: "password", user: "perdure", password: "right" } as const;
  const server = await startNatsServer({ auth });
  t.teardown(() => server.stop());
  const env = {
    ...LATE,
    PERDURE_LOG_START_TIMEOUT_MS: 600_000,
    PERDURE_LOG: server.url,
    NATS_USER: "perdure",
  };
  const wrong = { ...env, NATS_PASSWORD: "wrong" };
  await ends(t, wrong, 1, /refuses the credentials: check user, password.* \(LOG_UNUSABLE\)$/);
  const right = { ...env, NATS_PASSWORD: "right" };
  const copies = { ...right, ...RELAXED_PROXY, PERDURE_LOG_REPLICAS: 5 };
  await ends(t, copies, 1, /a server without a cluster keeps one copy only.* \(LOG_UNUSABLE\)$/);
  const text =
    /durability is strict.*log-servers-sync: "true".*perdure\.dev\/durability=relaxed.* \(LOG_UNUSABLE\)$/;
  await ends(t, right, 1, text);
});

test("(I12) a proxy that has served stays, however long its user function is away", async (t) => {
  const first = await startScriptedUserFunction({ spec: counterSpec() });
  t.teardown(() => first.kill());
  const file = join(temporaryFolder(t), "termination-log");
  const env = {
    PERDURE_LOG: "memory:",
    PERDURE_START_TIMEOUT_MS: 5_000,
    PERDURE_BACKOFF_MAX_MS: 50,
    PERDURE_TERMINATION_MESSAGE_FILE: file,
    USER_FUNCTION_PORT: first.port,
  };
  const startedMs = performance.now();
  const proxy = await startProxyProcess(t, env);
  await proxy.ready();
  first.kill();
  await proxy.line("gone", (line) => (line.includes("not available yet") ? true : undefined));
  await until("the time of a start is over", () => performance.now() - startedMs > 6_000);
  const refused = await startScriptedUserFunction({
    spec: counterSpec({ entities: [] }),
    port: first.port,
  });
  t.teardown(() => refused.kill());
  await until("it is refused", () => refused.reports.length > 0);
  refused.kill();
  const again = await startScriptedUserFunction({ spec: counterSpec(), port: first.port });
  t.teardown(() => again.kill());
  const admin = httpClient(proxy.adminPort, { connections: 1 });
  t.teardown(() => admin.close());
  await until("it is ready again", async () => (await admin.call("/readyz")).status === 200);
  t.false(existsSync(file));
  t.deepEqual(await proxy.kill("SIGTERM"), { code: 0, signal: null });
});

test("a file that cannot be written changes nothing but a line", async (t) => {
  const file = join(temporaryFolder(t), "absent", "termination-log");
  const proxy = startProcess(t, PROXY, {
    ...LOCAL,
    HTTP_PORT: "http",
    PERDURE_TERMINATION_MESSAGE_FILE: file,
  });
  t.deepEqual(await proxy.exited, { code: 2, signal: null });
  t.regex(
    proxy.stderr.join("\n"),
    /^perdure: HTTP_PORT must be .*\nperdure: the reason could not be written to .*ENOENT/,
  );
});
