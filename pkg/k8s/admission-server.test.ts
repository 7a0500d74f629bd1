// SPDX-License-Identifier: Apache-2.0

import type { IncomingHttpHeaders } from "node:http";
import { Agent, request } from "node:https";
import { connect as connectTcp } from "node:net";
import { connect } from "node:tls";

import test from "ava";
import type { ExecutionContext } from "ava";

import { silentLogger, systemClock } from "../base/mod.ts";
import { until } from "../../test/lib/until.ts";

import { AdmissionServer } from "./admission-server.ts";
import type { AdmissionDeps } from "./admission-server.ts";
import type { Certificates } from "./certificates.ts";
import { makeCertificates } from "./make-certificates.ts";

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const OPTIONS = {
  host: "127.0.0.1",
  port: 0,
  maxBodyBytes: 1_000,
  maxConnections: 10,
  requestTimeoutMs: 300,
};

async function start(t: ExecutionContext, changes: Partial<AdmissionDeps> = {}) {
  const certificates = await makeCertificates(["localhost"], Date.now(), 3_600_000);
  const deps: AdmissionDeps = {
    clock: systemClock,
    logger: silentLogger,
    answer: (question) => ({ question }),
    problem: () => undefined,
    ...changes,
  };
  const server = new AdmissionServer(OPTIONS, deps, certificates);
  const port = await server.listen();
  let isClosed = false;
  const close = async (withinMs = 0) => {
    isClosed = true;
    await server.close(withinMs);
  };
  t.teardown(() => (isClosed ? undefined : close()));
  const agent = new Agent({ keepAlive: true, ca: certificates.ca.join("\n") });
  t.teardown(() => agent.destroy());
  const ask = (path: string, body?: string, headers: Record<string, string> = {}): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const method = body === undefined ? "GET" : "POST";
      const asked = request({ host: "localhost", port, path, method, agent, headers }, (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
        );
        response.on("error", reject);
      });
      asked.on("error", reject).end(body);
    });
  return { server, port, ask, close, certificates };
}

/** The certificate that a new connection meets. */
function servedAt(port: number, { ca }: Certificates): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "localhost", port, ca: [...ca], servername: "localhost" }, () => {
      resolve(socket.getPeerX509Certificate()?.toString() ?? "");
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

test("a question is answered over TLS, and the kubelet hears how we are", async (t) => {
  let problem: string | undefined = "config-perdure has not been read yet";
  const { ask } = await start(t, { problem: () => problem });
  t.like(await ask("/admit?timeout=5s", '{"a":1}'), { status: 200, body: '{"question":{"a":1}}' });
  t.like(await ask("/livez"), { status: 200, body: "ok\n" });
  t.like(await ask("/readyz"), { status: 503, body: "config-perdure has not been read yet\n" });
  problem = undefined;
  t.like(await ask("/readyz"), { status: 200 });
});

test("what is no question is refused, and the next one is answered", async (t) => {
  const { ask, port } = await start(t, {
    answer: (question) => {
      if (question === 1) return undefined;
      if (question === 2) throw new Error("a bug");
      return {};
    },
  });
  t.is((await ask("/admit", "{")).status, 400);
  t.is((await ask("/admit", "1")).status, 400);
  t.is((await ask("/admit", "2")).status, 500);
  t.is((await ask("/admit")).status, 405);
  t.is((await ask("/other", "3")).status, 404);
  t.is((await ask("/admit", "x".repeat(1_001))).status, 413);
  t.is(
    (await ask("/admit", "x".repeat(1_001), { "transfer-encoding": "chunked" })).status,
    413,
    "of unknown length",
  );
  await new Promise<void>((resolve) => {
    connectTcp(port, "127.0.0.1")
      .on("error", () => undefined)
      .on("close", () => resolve())
      .end("GET / HTTP/1.1\r\n\r\n");
  });
  t.is((await ask("/admit", "3")).status, 200);
});

test("a question that does not come to its end is given up", async (t) => {
  const { port, certificates, ask } = await start(t);
  const ended = new Promise<void>((resolve) => {
    const socket = connect({ host: "localhost", port, ca: [...certificates.ca] }, () => {
      socket.write("POST /admit HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{");
    });
    socket
      .on("error", () => undefined)
      .on("close", () => resolve())
      .resume();
  });
  await ended;
  t.is((await ask("/livez")).status, 200);
});

test("a new certificate is met by new connections, while old ones go on", async (t) => {
  const { server, port, certificates, ask } = await start(t);
  t.is(await servedAt(port, certificates), certificates.cert.trim() + "\n");
  t.is((await ask("/livez")).status, 200);
  const renewed = await makeCertificates(["localhost"], Date.now(), 3_600_000);
  server.setCertificates(renewed);
  t.is(await servedAt(port, renewed), renewed.cert.trim() + "\n");
  await t.throwsAsync(servedAt(port, certificates));
  t.is((await ask("/livez")).status, 200, "on the connection of before");
});

test("on the way out it is not ready, serves on, and lets connections go", async (t) => {
  const { server, ask } = await start(t);
  t.is((await ask("/livez")).headers.connection, "keep-alive");
  server.letGo();
  t.is((await ask("/readyz")).status, 503);
  const last = await ask("/admit", "{}");
  t.is(last.status, 200);
  t.is(last.headers.connection, "close");
});

test("the end waits for a question that is being answered, and not for ever", async (t) => {
  const { ask, close, port } = await start(t);
  const slow = request({
    host: "localhost",
    port,
    path: "/admit",
    method: "POST",
    rejectUnauthorized: false,
    headers: { "content-length": "2" },
  });
  const answered = new Promise<number>((resolve, reject) => {
    slow.on("response", (response) => resolve(response.resume().statusCode ?? 0)).on("error", reject);
  });
  slow.write("{");
  await ask("/livez");
  let isClosed = false;
  const closed = close(5_000).then(() => {
    isClosed = true;
  });
  await until("nobody new is let in", () =>
    ask("/livez").then(
      () => false,
      () => true,
    ),
  );
  t.false(isClosed);
  slow.end("}");
  t.is(await answered, 200);
  await closed;
  await t.throwsAsync(ask("/livez"));
});

test("a port that is taken is a clear error", async (t) => {
  const { port, certificates } = await start(t);
  const deps: AdmissionDeps = {
    clock: systemClock,
    logger: silentLogger,
    answer: () => ({}),
    problem: () => undefined,
  };
  const second = new AdmissionServer({ ...OPTIONS, port }, deps, certificates);
  await t.throwsAsync(second.listen(), { code: "WEBHOOK_PORT_UNUSABLE" });
});
