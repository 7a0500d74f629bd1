// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import type { IncomingHttpHeaders } from "node:http";
import { Agent, request } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { connect as connectTcp, createServer as createTcpServer } from "node:net";
import { setImmediate } from "node:timers/promises";
import { connect } from "node:tls";
import { Worker } from "node:worker_threads";

import type { ExecutionContext } from "ava";
import test from "ava";

import { systemClock } from "../../base/mod.ts";
import { NO_TELEMETRY } from "../../telemetry/mod.ts";

import { until } from "../../../test/lib/until.ts";
import type { Certificates } from "../certificates/certificates.ts";
import { makeCertificates } from "../certificates/make-certificates.ts";
import type { AdmissionDependencies, AdmissionOptions } from "./admission-server.ts";
import { AdmissionServer } from "./admission-server.ts";

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const OPTIONS = {
  host: "127.0.0.1",
  port: 0,
  maxBodyBytes: 1_000,
  maxPendingBytes: 16_000,
  maxJsonDepth: 5,
  maxJsonValues: 100,
  maxConnections: 10,
  requestTimeoutMs: 30_000,
};

/**
 * For tests that wait until a request times out. They run before the others and one after another (`test.serial`),
 * because the same time limits their TLS handshakes, and all tests of a file share one thread.
 */
const SOON = { requestTimeoutMs: 1_000 };

async function start(
  t: ExecutionContext,
  changes: Partial<AdmissionDependencies> = {},
  options: Partial<AdmissionOptions> = {},
) {
  const certificates = await makeCertificates(["localhost"], Date.now(), 3_600_000);
  const dependencies: AdmissionDependencies = {
    clock: systemClock,
    telemetry: NO_TELEMETRY,
    answer: (question) => ({ question }),
    problem: () => undefined,
    ...changes,
  };
  const server = new AdmissionServer({ ...OPTIONS, ...options }, dependencies, certificates);
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

/** Sends the bytes unchanged. Resolves with everything that was received when the connection is closed. */
function talk(
  port: number,
  bytes: string,
  { from, isEnding = false }: { readonly from?: string; readonly isEnding?: boolean } = {},
): Promise<string> {
  return new Promise((resolve) => {
    let said = "";
    const localAddress = from === undefined ? {} : { localAddress: from };
    const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false, ...localAddress }, () => {
      if (isEnding) socket.end(bytes);
      else socket.write(bytes);
    });
    socket
      .on("data", (chunk: Buffer) => (said += chunk.toString()))
      .on("error", () => undefined)
      .on("close", () => resolve(said));
  });
}

function post(body: string, length = body.length): string {
  return `POST /admit HTTP/1.1\r\nhost: x\r\ncontent-length: ${length}\r\n\r\n${body}`;
}

/** The certificate that the server presents on a new connection. */
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
  await new Promise<void>((resolve) => {
    connectTcp(port, "127.0.0.1")
      .on("error", () => undefined)
      .on("close", () => resolve())
      .end("GET / HTTP/1.1\r\n\r\n");
  });
  t.is((await ask("/admit", "3")).status, 200);
});

test.serial("a question that does not come to its end is given up", async (t) => {
  const { port, certificates, ask } = await start(t, {}, SOON);
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
  const closed = close(60_000).then(() => {
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
  const dependencies: AdmissionDependencies = {
    clock: systemClock,
    telemetry: NO_TELEMETRY,
    answer: () => ({}),
    problem: () => undefined,
  };
  const second = new AdmissionServer({ ...OPTIONS, port }, dependencies, certificates);
  await t.throwsAsync(second.listen(), { code: "WEBHOOK_PORT_UNUSABLE" });
});

test("each refusal has its code, in the body and as a header", async (t) => {
  const { ask } = await start(t, { answer: (question) => (question === 1 ? undefined : {}) });
  const refused = async (body: string): Promise<unknown> => {
    const answer = await ask("/admit", body);
    return [answer.status, answer.headers["perdure-error-code"], answer.body.split(":")[0]];
  };
  t.deepEqual(await refused("1"), [400, "NOT_A_REVIEW", "NOT_A_REVIEW"]);
  t.deepEqual(await refused("x".repeat(1_001)), [413, "REVIEW_TOO_LARGE", "REVIEW_TOO_LARGE"]);
  t.deepEqual(await refused("[".repeat(6)), [413, "REVIEW_TOO_COMPLEX", "REVIEW_TOO_COMPLEX"]);
  t.deepEqual(await refused(`[${"1,".repeat(101)}1]`), [413, "REVIEW_TOO_COMPLEX", "REVIEW_TOO_COMPLEX"]);
  t.is((await ask("/admit", "[[[[[]]]]]")).status, 200);
});

test("a body of unknown length is refused at its head, and so is one of two lengths", async (t) => {
  const { port, server } = await start(t);
  const head = "POST /admit HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
  t.regex(await talk(port, head + "1\r\n2\r\n".repeat(10_000)), /^HTTP\/1\.1 411 .*REVIEW_LENGTH_MISSING/s);
  t.notRegex(await talk(port, post("{}").replace("host", "content-length: 3\r\nhost")), / 200 /);
  t.notRegex(await talk(port, post("{}").replace("host", "transfer-encoding: chunked\r\nhost")), / 200 /);
  await until("all is given back", () => server.pending.connections === 0);
});

test.serial(
  "a question that there is no room for is refused before its body, and others are answered",
  async (t) => {
    const sizes = { maxBodyBytes: 100_000, maxPendingBytes: 400_000 };
    const { port, ask, server } = await start(
      t,
      { answer: () => ({}) },
      { ...sizes, requestTimeoutMs: 4_000 },
    );
    const from = "127.0.0.2";
    // All requests come from one address. Three bodies of 50,000 bytes fit into its share, a fourth does not.
    const first = Array.from({ length: 3 }, () => talk(port, post("x".repeat(49_000), 50_000), { from }));
    await until("they hold it", () => server.pending.bytes >= 147_000);
    t.regex(
      await talk(port, post("", 50_000), { from }),
      /^HTTP\/1\.1 503 .*retry-after: 1.*WEBHOOK_OVERLOADED/s,
    );
    t.is((await ask("/admit", JSON.stringify("y".repeat(50_000)))).status, 200, "beside them");
    t.deepEqual(await Promise.all(first), ["", "", ""], "they are given up in time");
    await until("all is given back", () => server.pending.bytes === 0);
  },
);

test("a request that does not wait for the answer before ends its connection, with all that was sent behind it", async (t) => {
  let asked = 0;
  const { port, server } = await start(t, {
    problem: () => {
      asked += 1;
      return undefined;
    },
  });
  const said = await talk(port, "GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n".repeat(5_000));
  t.true(asked <= 1, `${asked} were asked`);
  t.true((said.match(/HTTP/g) ?? []).length <= 1);
  await until("it is gone", () => server.pending.connections === 0);
});

test("one connection answers one request after the other, of any size, however its bytes are cut", async (t) => {
  const { port, certificates } = await start(
    t,
    { answer: () => ({}) },
    { maxBodyBytes: 1_000_000, maxPendingBytes: 4_000_000 },
  );
  const socket = connect({ host: "localhost", port, ca: [...certificates.ca] });
  t.teardown(() => socket.destroy());
  let said = "";
  socket.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const sizes = [2, 900_000, 1, 70_000, 1_024, 3];
  for (const [index, size] of sizes.entries()) {
    const question = post(JSON.stringify("z".repeat(size)));
    for (let from = 0; from < question.length; from += 7_001)
      socket.write(question.slice(from, from + 7_001));
    await until(`answer ${index}`, () => (said.match(/HTTP\/1\.1 200/g) ?? []).length === index + 1);
  }
  t.is((said.match(/HTTP/g) ?? []).length, sizes.length);
});

test("a kept connection carries one question after another, also when the next comes with the end of the answer", async (t) => {
  const { port, certificates } = await start(t);
  const workerData = { port, ca: certificates.ca.join("\n"), count: 1_000 };
  const worker = new Worker(new URL("../testdata/asker.ts", import.meta.url), { workerData });
  const [answers] = (await once(worker, "message")) as [object];
  t.deepEqual(answers, { 200: 1_000 });
});

test.serial(
  "what a sender leaves unfinished ends with its time: a handshake, a first request, headers",
  async (t) => {
    const { port, server } = await start(t, {}, SOON);
    const ends = (bytes: string): Promise<string> => talk(port, bytes);
    const noHandshake = new Promise<void>((resolve) => {
      connectTcp(port, "127.0.0.1")
        .on("error", () => undefined)
        .on("close", () => resolve())
        .resume();
    });
    t.deepEqual(await Promise.all([ends(""), ends("GET /livez HTTP/1.1\r\nhost: x\r\nx: "), noHandshake]), [
      "",
      "",
      undefined,
    ]);
    await until("all is given back", () => server.pending.connections === 0);
  },
);

test("an address has half of the connections, and another one is served beside it; HTTP/2 is not offered", async (t) => {
  const { port, ask, server } = await start(t);
  const sockets = Array.from({ length: 20 }, () =>
    connectTcp({ port, host: "127.0.0.1", localAddress: "127.0.0.2" }).on("error", () => undefined),
  );
  t.teardown(() => sockets.forEach((socket) => void socket.destroy()));
  await until("the others are refused", () => sockets.filter(({ closed }) => closed).length >= 15);
  t.is(server.pending.connections, 5);
  t.is((await ask("/livez")).status, 200);

  const protocol = await new Promise((resolve) => {
    const socket = connect(
      { port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols: ["h2", "http/1.1"] },
      () => {
        resolve(socket.alpnProtocol);
        socket.destroy();
      },
    );
  });
  t.is(protocol, "http/1.1");
});

for (const [how, cut, latest] of [
  // The system spreads new connections over eight sockets at random, each of which accepts one in a turn.
  ["whole", 0, 32],
  ["after a part of them", 3, 8],
] as const)
  test(`of many handshakes that come at once, ${how}, those of one address do not delay that of another`, async (t) => {
    const { port, server } = await start(t, {}, { maxConnections: 100 });
    const hello = await clientHello(t);
    const open = async (localAddress: string): Promise<Socket> => {
      const socket = connectTcp({ port, host: "127.0.0.1", localAddress, noDelay: true });
      t.teardown(() => void socket.destroy());
      await once(socket, "connect");
      socket.write(hello.subarray(0, cut));
      return socket;
    };
    const answered: string[] = [];
    const sockets = [
      ...(await Promise.all(Array.from({ length: 40 }, () => open("127.0.0.2")))),
      await open("127.0.0.3"),
    ];
    if (cut > 0) {
      await until("all are accepted", () => server.pending.connections === 41);
      // What has come is read in the next turn of the event loop.
      for (let turn = 0; turn < 3; turn++) await setImmediate();
    }
    const answers = sockets.map(async (socket) => {
      await once(socket, "data");
      answered.push(socket.localAddress ?? "");
    });
    for (const socket of sockets) socket.write(hello.subarray(cut));
    await Promise.all(answers);
    t.true(answered.indexOf("127.0.0.3") < latest, `it was number ${answered.indexOf("127.0.0.3")}`);
  });

/** What a client of TLS sends first. */
async function clientHello(t: ExecutionContext): Promise<Buffer> {
  const server = createTcpServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1" });
  client.on("error", () => undefined);
  t.teardown(() => {
    client.destroy();
    server.close();
  });
  const [socket] = (await once(server, "connection")) as [Socket];
  const [hello] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  return hello;
}
