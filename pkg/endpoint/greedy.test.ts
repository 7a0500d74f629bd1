// SPDX-License-Identifier: Apache-2.0

/** Callers who try to take more than their share: of memory, of open requests, of connections. */

import { once } from "node:events";
import type { ClientHttp2Session } from "node:http2";
import { connect } from "node:http2";

import test from "ava";

import { ManualClock } from "../base/test-doubles/mod.ts";

import { until } from "../../test/lib/until.ts";
import { BOOK, echo, GET, PUT, RawClient, runEndpoint, serves } from "./testdata/running-endpoint.ts";

test("pipelined requests are carried out one after the other, so that one that is not read makes no more work", async (t) => {
  const dispatched: string[] = [];
  const first = Promise.withResolvers<void>();
  const endpoint = await runEndpoint(t, async (command) => {
    dispatched.push(Buffer.from(command.payload).toString().slice(2));
    if (dispatched.length === 1) await first.promise;
    return echo(command);
  });
  const request = (isbn: string) => GET.replace("/books/1", `/books/${isbn}`);
  const client = new RawClient(endpoint.port).send(request("one") + request("two") + request("three"));
  await until("the first has begun", () => dispatched.length === 1);
  await serves(t, endpoint);
  t.deepEqual(dispatched, ["one", "1"], "the others wait for their turn");
  first.resolve();
  const answers = await client.until('"three"');
  t.deepEqual(answers.match(/"isbn":"\w+"/g), ['"isbn":"one"', '"isbn":"two"', '"isbn":"three"']);
});

test("a client that pipelines more requests than may wait is cut off (I11)", async (t) => {
  const endpoint = await runEndpoint(t, async (command) => {
    await new Promise<void>((resolve) => command.call.onCancel(resolve));
    return echo(command);
  });
  t.is(await new RawClient(endpoint.port).send(GET.repeat(40)).closed, "");
  await until("nothing is taken any more", () => endpoint.accounts.bytes.used === 0);
  t.is(endpoint.accounts.requests.used, 0);
});

test("the body of a pipelined request is counted as it comes, and read when its turn has come (I11)", async (t) => {
  const first = Promise.withResolvers<void>();
  const endpoint = await runEndpoint(t, async (command) => {
    await first.promise;
    return echo(command);
  });
  const { bytes, requests } = endpoint.accounts;
  const title = "x".repeat(30_000);
  const body = `{"title":"${title}"}`;
  const client = new RawClient(endpoint.port);
  client.send(`${GET}${PUT}content-length: ${body.length}\r\n\r\n${body}`);
  await until("both have come, and the body", () => bytes.used > 2 * 8_192 + body.length);
  t.is(requests.used, 2);
  first.resolve();
  t.true((await client.until(title)).includes(`"title":"${title}"`));
  await until("nothing is taken any more", () => bytes.used === 0);
});

test("bodies that are under way fill bounded memory, of which a connection has a share", async (t) => {
  const endpoint = await runEndpoint(t, echo, { maxBufferedBytes: 200_000 });
  const half = Buffer.alloc(60_000, 0x20);
  const body = (length: number): string => `${PUT}content-length: ${length}\r\n\r\n`;
  const greedy = new RawClient(endpoint.port).send(body(120_002)).send(Buffer.alloc(110_000, 0x20));
  const refused = await greedy.until("try again");
  t.true(refused.startsWith("HTTP/1.1 503 "), refused);
  t.true(refused.includes("perdure-error-code: ENDPOINT_OVERLOADED"));

  const clients = [1, 2, 3].map(() => new RawClient(endpoint.port).send(body(60_002)).send(half));
  const third = await Promise.race(clients.map((client) => client.until("try again")));
  t.true(third.includes("perdure-error-code: ENDPOINT_OVERLOADED"), "there is room for two of them");
  await serves(t, endpoint);
  const other = clients.find((client) => client.received === "");
  t.true((await (other as RawClient).send("{}").until(BOOK)).includes("HTTP/1.1 200 OK"));
});

const HALF_SENT = { ":method": "PUT", ":path": "/books/1", "content-type": "application/json" };

for (const [what, options] of [
  ["bytes", { maxBufferedBytes: 2_000_000 }],
  ["open requests", { maxOpenRequests: 400 }],
] as const) {
  test(`however many connections take all the ${what} they can, one that asks for little is served (I11)`, async (t) => {
    const endpoint = await runEndpoint(t, echo, options);
    const { bytes, requests } = endpoint.accounts;
    const open = (): ClientHttp2Session => {
      const session = connect(endpoint.url);
      t.teardown(() => session.destroy());
      return session;
    };
    for (let connection = 1; connection <= 20; connection++) {
      const session = open();
      for (let stream = 0; stream < 100; stream++) {
        const request = session.request(HALF_SENT).on("error", () => undefined);
        request.resume().write(" ");
      }
      await until(
        "it has all it can get",
        () => requests.used + requests.refusals + bytes.refusals === 100 * connection,
      );
    }
    await serves(t, endpoint);
    const modest = open().request({ ":path": "/books/1" }).setEncoding("utf8");
    t.is((await modest.toArray()).join(""), BOOK);
    const call = open().request({
      ":method": "POST",
      ":path": "/perdure.test.library.Library/GetBook",
      "content-type": "application/grpc",
    });
    let status: unknown;
    call.on("trailers", (trailers) => (status = trailers["grpc-status"]));
    call.end(Buffer.from("00000000030a0131", "hex"));
    await once(call.resume(), "close");
    t.is(status, "0");
  });
}

for (const [what, windowBytes, ends] of [
  ["that never send their message", 65_535, false],
  ["that never read their answer", 0, true],
] as const) {
  test(`health checks ${what} do not keep others out (I11)`, async (t) => {
    const endpoint = await runEndpoint(t, echo);
    const { reserve } = endpoint.accounts;
    const check = (session: ClientHttp2Session) =>
      session.request(
        { ":method": "POST", ":path": "/grpc.health.v1.Health/Check", "content-type": "application/grpc" },
        { endStream: false },
      );
    const client = (settings = {}): ClientHttp2Session => {
      const session = connect(`http://127.0.0.1:${endpoint.port}`, { settings });
      t.teardown(() => session.destroy());
      return session;
    };
    for (let i = 0; i < 8; i++) {
      const session = client({ initialWindowSize: windowBytes });
      for (let j = 0; j < 20; j++) {
        const stream = check(session).on("error", () => undefined);
        if (ends) stream.end(Buffer.alloc(5));
      }
    }
    await until("the reserve is used up", () => reserve.available === 0);
    for (let i = 0; i < 70; i++) {
      const own = client();
      const stream = check(own);
      stream.end(Buffer.alloc(5));
      let status: unknown;
      stream.on("trailers", (trailers) => (status = trailers["grpc-status"]));
      await once(stream.resume(), "close");
      t.is(status, "0");
      own.close();
    }
  });
}

test("the head of a request counts as well as its body (I11)", async (t) => {
  const free = Promise.withResolvers<void>();
  const endpoint = await runEndpoint(t, async (command) => {
    await free.promise;
    return echo(command);
  });
  const { bytes } = endpoint.accounts;
  const long = GET.replace("\r\n\r\n", `\r\nx-long: ${"v".repeat(10_000)}\r\n\r\n`);
  const http1 = new RawClient(endpoint.port).send(long);
  await until("the request is counted", () => bytes.used > 16_000);
  t.true(bytes.used < 20_000);

  const session = connect(`http://127.0.0.1:${endpoint.port}`);
  t.teardown(() => session.destroy());
  const http2 = session.request({ ":path": "/books/1", "x-long": "v".repeat(10_000) });
  await until("so is the other", () => bytes.used > 32_000);
  free.resolve();
  await Promise.all([http1.until(BOOK), once(http2.resume(), "close")]);
  await until("nothing is taken any more", () => bytes.used === 0);
});

test("a new connection takes the place of an idle one, never that of a busy one", async (t) => {
  const free = Promise.withResolvers<void>();
  const endpoint = await runEndpoint(
    t,
    async (command) => {
      if (Buffer.from(command.payload).includes("wait")) await free.promise;
      return echo(command);
    },
    // One address has half of them.
    { maxConnections: 4 },
  );
  const busy = new RawClient(endpoint.port).send(GET.replace("/books/1", "/books/wait"));
  const idle = new RawClient(endpoint.port).send(GET);
  await idle.until(BOOK);
  const newer = new RawClient(endpoint.port).send(GET.replace("/books/1", "/books/wait"));
  t.true((await idle.closed).endsWith(BOOK), "it has made room");
  t.is(await new RawClient(endpoint.port).send(GET).closed, "", "all are busy");
  free.resolve();
  t.regex(await busy.until("copies"), /"isbn":"wait"/);
  t.regex(await newer.until("copies"), /"isbn":"wait"/);
});

test("a peer that does not read its answers is closed after a time", async (t) => {
  const clock = new ManualClock();
  const text = Buffer.alloc(8_000_000, "x");
  // Field 1 is a text of that length, whose varint is 80 a4 e8 03.
  const payload = Buffer.concat([Buffer.from([0x0a, 0x80, 0xa4, 0xe8, 0x03]), text]);
  const reply = { payload, metadata: [] };
  const endpoint = await runEndpoint(
    t,
    async () => reply,
    { writeTimeoutMs: 1_000, minWriteRate: 1e9 },
    undefined,
    clock,
  );
  const client = new RawClient(endpoint.port).send(GET);
  client.socket.pause();
  await until("the answer waits", () => endpoint.accounts.bytes.used > 8_000_000);
  for (let i = 0; i < 6; i++) clock.advance(250);
  await until("its memory is given back", () => endpoint.accounts.bytes.used === 0);
  t.is(endpoint.accounts.requests.used, 0);
});

const GIVEN_UP = {
  JSON: { ":method": "PUT", ":path": "/books/1", "content-type": "application/json" },
  gRPC: {
    ":method": "POST",
    ":path": "/perdure.test.library.Library/GetBook",
    "content-type": "application/grpc",
  },
};

for (const [protocol, call] of Object.entries(GIVEN_UP)) {
  test(`an address that gives up thousands of requests of ${protocol} gets few streams on its next connections, and is served`, async (t) => {
    const endpoint = await runEndpoint(t, echo, {}, undefined, new ManualClock());
    const open = async (): Promise<ClientHttp2Session> => {
      const session = connect(`http://127.0.0.1:${endpoint.port}`);
      t.teardown(() => session.destroy());
      session.on("error", () => undefined);
      await once(session, "remoteSettings");
      return session;
    };
    for (let connection = 0; connection < 50; connection++) {
      const session = await open();
      t.is(session.remoteSettings.maxConcurrentStreams, 100);
      for (let stream = 0; stream < 100; stream++) session.request(call).on("error", () => undefined);
      await until("all are open", () => endpoint.accounts.requests.used === 100);
      session.destroy();
      await until("all are given up", () => endpoint.accounts.requests.used === 0);
    }
    const curbed = await open();
    t.is(curbed.remoteSettings.maxConcurrentStreams, 8);
    const stream = curbed.request({ ":path": "/books/1" }).setEncoding("utf8");
    t.true((await stream.toArray()).join("").includes("isbn"));
  });
}
