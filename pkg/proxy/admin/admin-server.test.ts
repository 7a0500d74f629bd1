// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import { request as httpRequest } from "node:http";
import type { Socket } from "node:net";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";

import type { ExecutionContext } from "ava";
import test from "ava";

import { NO_TELEMETRY } from "../../telemetry/mod.ts";

import type { AdminOptions, AdminServer } from "./admin-server.ts";
import { startAdminServer } from "./admin-server.ts";
import { drainRoute } from "./drain-route.ts";
import type { Check } from "./probe-routes.ts";
import { probeRoutes } from "./probe-routes.ts";

const SECRET = "0123456789abcdef";
const DEFAULTS: AdminOptions = {
  adminHost: "0.0.0.0",
  adminPort: 0,
  drainSecret: "",
  adminMaxConnections: 100,
  adminRequestTimeoutMs: 5_000,
  adminIdleTimeoutMs: 15_000,
  adminMaxRequests: 1_000,
};

interface World extends AdminServer {
  checks: Check[];
  readonly drains: string[];
}

async function start(t: ExecutionContext, options: Partial<AdminOptions> = {}): Promise<World> {
  const drains: string[] = [];
  const world = { checks: [] as Check[], drains };
  const drain = drainRoute(
    (options.drainSecret ?? "") !== "",
    async () => `drained ${drains.push("called")}`,
  );
  const routes = [...probeRoutes(() => world.checks), drain];
  const admin = await startAdminServer({ ...DEFAULTS, ...options }, () => routes, NO_TELEMETRY);
  t.teardown(() => admin.close());
  return Object.assign(world, admin);
}

interface Call {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly address?: string;
}

interface Answer {
  readonly status: number;
  readonly code: string | undefined;
  readonly text: string;
}

function call(port: number, path: string, { method, headers, address }: Call = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { port, path, agent: false, host: address ?? "127.0.0.1" };
    const request = httpRequest(
      { ...options, method: method ?? "GET", headers: { ...headers } },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        const code = response.headers["perdure-error-code"];
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, code: code === undefined ? code : String(code), text }),
        );
      },
    );
    request.on("error", reject).end();
  });
}

/** An address of this machine that is not loopback, as the one by which a kubelet calls. */
function outside(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return all.find(({ internal, family }) => !internal && family === "IPv4")?.address;
}

function fromOutside(t: ExecutionContext): string | undefined {
  const address = outside();
  if (address === undefined) t.log("skipped: this machine has no address that is not loopback");
  return address;
}

test("alive always, ready when every check holds, and verbose says which do not", async (t) => {
  const world = await start(t);
  world.checks = [
    { name: "log", problem: undefined },
    { name: "user function", problem: "not reachable yet" },
  ];
  const get = async (path: string, method?: string) => {
    const { status, text } = await call(world.port, path, method === undefined ? {} : { method });
    return [status, text];
  };
  t.deepEqual(await get("/livez"), [200, "ok\n"]);
  t.deepEqual(await get("/readyz"), [503, "[-] user function: not reachable yet\nnot ready\n"]);
  t.deepEqual(await get("/readyz?verbose"), [
    503,
    "[+] log\n[-] user function: not reachable yet\nnot ready\n",
  ]);
  world.checks = world.checks.map(({ name }) => ({ name, problem: undefined }));
  t.deepEqual(await get("/readyz"), [200, "ok\n"]);
  t.deepEqual(await get("/readyz?verbose"), [200, "[+] log\n[+] user function\nok\n"]);
  t.deepEqual(await get("/readyz", "HEAD"), [200, ""]);
});

test("what is not there, or not by this method, is told with a code", async (t) => {
  const { port, drains } = await start(t);
  t.like(await call(port, "/other"), { status: 404, code: "ADMIN_UNKNOWN_PATH" });
  t.like(await call(port, "/livez", { method: "POST" }), { status: 405, code: "ADMIN_METHOD_NOT_ALLOWED" });
  for (const method of ["GET", "HEAD", "PUT"]) {
    t.like(await call(port, "/drain", { method }), { status: 405, code: "ADMIN_METHOD_NOT_ALLOWED" }, method);
  }
  t.deepEqual(drains, []);
});

test("without a secret a local program drains, by POST", async (t) => {
  const { port } = await start(t);
  t.like(await call(port, "/drain", { method: "POST" }), { status: 200, text: "drained 1\n" });
  t.like(await call(port, "/drain", { method: "POST", headers: { host: `localhost:${port}` } }), {
    status: 200,
    text: "drained 2\n",
  });
});

test("without a secret nothing drains from beyond loopback", async (t) => {
  const address = fromOutside(t);
  if (address === undefined) {
    t.pass();
    return;
  }
  const { port, drains } = await start(t);
  for (const path of ["/drain", "/other", "/"]) {
    for (const method of ["GET", "POST"]) {
      const headers = { "perdure-drain-secret": "" };
      t.like(await call(port, path, { method, address, headers }), {
        status: 403,
        code: "ADMIN_ONLY_LOOPBACK",
      });
    }
  }
  t.deepEqual(drains, []);
});

test("with a secret who sends it drains, from anywhere and by GET as a hook does; nobody else", async (t) => {
  const { port, drains } = await start(t, { drainSecret: SECRET });
  const wrong = [undefined, "", "x", `${SECRET}x`, SECRET.slice(1), SECRET.toUpperCase()];
  const addresses = ["127.0.0.1", fromOutside(t)].filter((address) => address !== undefined);
  for (const address of addresses) {
    for (const given of wrong) {
      const headers: Record<string, string> = given === undefined ? {} : { "perdure-drain-secret": given };
      for (const method of ["GET", "POST"]) {
        t.like(await call(port, "/drain", { method, address, headers }), {
          status: 403,
          code: "ADMIN_WRONG_SECRET",
        });
      }
    }
  }
  t.deepEqual(drains, []);
  for (const [index, address] of addresses.entries()) {
    const right = { address, headers: { "Perdure-Drain-Secret": SECRET } };
    t.like(await call(port, "/drain", right), { status: 200, text: `drained ${index + 1}\n` });
  }
});

for (const [name, headers, code] of [
  ["an Origin", { origin: "https://evil.example" }, "ADMIN_PAGE_NOT_ALLOWED"],
  ["the Origin null", { origin: "null" }, "ADMIN_PAGE_NOT_ALLOWED"],
  ["its own origin", { origin: "http://127.0.0.1" }, "ADMIN_PAGE_NOT_ALLOWED"],
  ["what a browser says is of another site", { "sec-fetch-site": "cross-site" }, "ADMIN_PAGE_NOT_ALLOWED"],
  ["what a browser says is of the same site", { "sec-fetch-site": "same-site" }, "ADMIN_PAGE_NOT_ALLOWED"],
  ["a name in Host (DNS rebinding)", { host: "evil.example:9010" }, "ADMIN_HOST_NOT_ALLOWED"],
  ["a name like an address", { host: "127.0.0.1.evil.example" }, "ADMIN_HOST_NOT_ALLOWED"],
  ["a name like localhost", { host: "localhost.evil.example" }, "ADMIN_HOST_NOT_ALLOWED"],
] as const) {
  test(`web pages reach only what is for everyone: ${name}`, async (t) => {
    for (const secret of ["", SECRET]) {
      const world = await start(t, { drainSecret: secret });
      world.checks = [{ name: "log", problem: "nats://10.0.0.1 refuses" }];
      const all = { ...headers, "perdure-drain-secret": SECRET };
      for (const path of ["/drain", "/other"]) {
        for (const method of ["GET", "POST"]) {
          t.like(await call(world.port, path, { method, headers: all }), { status: 403, code });
        }
      }
      t.deepEqual(world.drains, []);
      t.like(await call(world.port, "/livez", { headers }), { status: 200 });
      t.like(await call(world.port, "/readyz?verbose", { headers }), {
        status: 503,
        text: "[-] log\nnot ready\n",
      });
    }
  });
}

test("what the user of a browser typed is answered", async (t) => {
  const { port } = await start(t);
  t.like(await call(port, "/other", { headers: { "sec-fetch-site": "none" } }), { status: 404 });
});

test("from beyond loopback health is answered, without the reasons", async (t) => {
  const address = fromOutside(t);
  if (address === undefined) {
    t.pass();
    return;
  }
  const world = await start(t);
  t.like(await call(world.port, "/livez", { address }), { status: 200, text: "ok\n" });
  t.like(await call(world.port, "/readyz", { address }), { status: 200, text: "ok\n" });
  world.checks = [
    { name: "log", problem: "nats://10.0.0.1 refuses" },
    { name: "user function", problem: undefined },
  ];
  for (const path of ["/readyz", "/readyz?verbose"])
    t.like(await call(world.port, path, { address }), { status: 503, text: "[-] log\nnot ready\n" });
});

for (const [name, head, status, code] of [
  ["no host", "accept: */*", "400", "MALFORMED_REQUEST"],
  ["two hosts", "host: 127.0.0.1\r\nhost: evil.example", "400", "MALFORMED_REQUEST"],
  ["chunks of gzip", "host: 127.0.0.1\r\ntransfer-encoding: gzip, chunked", "501", "UNKNOWN_TRANSFER_CODING"],
  ["an unknown expectation", "host: 127.0.0.1\r\nexpect: foo", "417", "UNKNOWN_EXPECTATION"],
] as const) {
  test(`a head that two readers may read differently ends its connection with a code: ${name}`, async (t) => {
    const { port, drains } = await start(t);
    const socket = await open(t, port);
    const body = head.includes("transfer-encoding") ? "0\r\n\r\n" : "";
    socket.write(`POST /drain HTTP/1.1\r\n${head}\r\n\r\n${body}`);
    const answer = await ended(socket);
    t.true(answer.startsWith(`HTTP/1.1 ${status} `), answer);
    t.true(answer.includes(`\r\nperdure-error-code: ${code}\r\n`), answer);
    t.deepEqual(drains, []);
  });
}

test("a body is not waited for", async (t) => {
  const { port } = await start(t);
  const socket = await open(t, port);
  socket.write("POST /drain HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\nx");
  t.true((await ended(socket)).startsWith("HTTP/1.1 200 OK\r\n"));
});

test("connections that say nothing, half a request or no further one are closed in time", async (t) => {
  const { port } = await start(t, { adminRequestTimeoutMs: 200, adminIdleTimeoutMs: 200 });
  const [silent, half, idle] = await Promise.all([open(t, port), open(t, port), open(t, port)]);
  half.write("GET /livez HTTP/1.1\r\nhost: x\r\n");
  idle.write("GET /livez HTTP/1.1\r\nhost: x\r\n\r\n");
  await Promise.all([silent, half, idle].map(ended));
  t.pass();
});

test("a connection has so many requests", async (t) => {
  const { port } = await start(t, { adminMaxRequests: 2 });
  const socket = await open(t, port);
  socket.write("GET /livez HTTP/1.1\r\nhost: x\r\n\r\n".repeat(3));
  const all = await ended(socket);
  t.is(all.match(/HTTP\/1\.1 200 /g)?.length, 2);
});

test("however many connections are held, or opened one after the other, health is answered (I11)", async (t) => {
  const { port } = await start(t, { adminMaxConnections: 10 });
  const held: Socket[] = [];
  for (let i = 0; i < 100; i++) {
    held.push(await open(t, port));
    if (i % 20 === 0) t.like(await call(port, "/livez"), { status: 200 });
  }
  await someEnded(held, 90);
  t.like(await call(port, "/livez"), { status: 200 });
});

// Elsewhere the machine has one loopback address only.
const onLinux = process.platform === "linux" ? test : test.skip;

onLinux("who has one connection keeps it while another address opens many (I11)", async (t) => {
  const { port } = await start(t, { adminMaxConnections: 10 });
  const few = await open(t, port, "127.0.0.2");
  const many = await Promise.all(Array.from({ length: 30 }, () => open(t, port, "127.0.0.3")));
  await someEnded(many, 21);
  few.write("GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
  t.true((await ended(few)).startsWith("HTTP/1.1 200 OK\r\n"));
});

test("a connection with an open request is never closed for another one (I11)", async (t) => {
  const draining = Promise.withResolvers<string>();
  const begun = Promise.withResolvers<void>();
  let calls = 0;
  const route = drainRoute(false, () => {
    if (++calls === 2) begun.resolve();
    return draining.promise;
  });
  const options = { ...DEFAULTS, adminMaxConnections: 2 };
  const { port, close } = await startAdminServer(options, () => [route], NO_TELEMETRY);
  t.teardown(close);
  const hooks = await Promise.all([open(t, port), open(t, port)]);
  for (const hook of hooks)
    hook.write("POST /drain HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
  await begun.promise;
  t.is(await ended(await open(t, port)), "", "refused");
  draining.resolve("drained");
  for (const hook of hooks) t.true((await ended(hook)).endsWith("drained\n"));
});

test("a port that is taken is a clear error", async (t) => {
  const { port } = await start(t, { adminHost: "127.0.0.1" });
  const options = { ...DEFAULTS, adminHost: "127.0.0.1", adminPort: port };
  const error = await t.throwsAsync(
    startAdminServer(options, () => [], NO_TELEMETRY),
    {
      code: "ADMIN_PORT_IN_USE",
    },
  );
  t.regex(error?.message ?? "", new RegExp(`port ${port}.*--admin-port`));
});

/**
 * Waits until `count` of the sockets have ended. These may be any, because connections are not accepted in the order
 * in which they were opened.
 */
function someEnded(sockets: readonly Socket[], count: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = count;
  for (const socket of sockets) void ended(socket).then(() => (--left === 0 ? resolve() : undefined));
  return promise;
}

const received = new WeakMap<Socket, string>();

async function open(t: ExecutionContext, port: number, localAddress = "127.0.0.1"): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", localAddress });
  socket.on("error", () => undefined);
  socket.setEncoding("latin1");
  socket.on("data", (chunk: string) => received.set(socket, (received.get(socket) ?? "") + chunk));
  t.teardown(() => void socket.destroy());
  await once(socket, "connect");
  return socket;
}

/** Everything that was received until the connection was closed or reset. */
async function ended(socket: Socket): Promise<string> {
  if (!socket.closed) await new Promise((resolve) => socket.once("close", resolve));
  return received.get(socket) ?? "";
}
