// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { connect, createServer } from "node:net";

import type { ExecutionContext } from "ava";
import test from "ava";

import { freePort, systemRandom } from "../../pkg/base/mod.ts";
import { seededRandom } from "../../pkg/base/test-doubles/mod.ts";

import type { FaultProxy } from "./fault-proxy.ts";
import { startFaultProxy } from "./fault-proxy.ts";
import { resetSocket } from "./reset-socket.ts";
import { until } from "./until.ts";

/** A socket, and all data that it has received. */
interface Peer {
  readonly socket: Socket;
  heard(): string;
  /** How the socket ended: the code of an error, or `closed`. */
  end(): string | undefined;
}

interface World {
  readonly proxy: FaultProxy;
  /** The target's sides, in the order of the connections. */
  readonly targets: readonly Peer[];
  open(): Promise<{ readonly client: Peer; readonly target: Peer }>;
}

function peer(socket: Socket): Peer {
  let heard = "";
  let end: string | undefined;
  socket.on("data", (piece) => (heard += piece.toString("latin1")));
  socket.on("error", (error: NodeJS.ErrnoException) => (end = error.code));
  socket.on("close", () => (end ??= "closed"));
  return { socket, heard: () => heard, end: () => end };
}

async function world(t: ExecutionContext, seed = 1): Promise<World> {
  const targets: Peer[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => void targets.push(peer(socket)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const proxy = await startFaultProxy((server.address() as AddressInfo).port, seededRandom(seed));
  const clients: Socket[] = [];
  t.teardown(async () => {
    await proxy.close();
    for (const socket of [...clients, ...targets.map((each) => each.socket)]) socket.destroy();
    server.close();
  });
  const open = async () => {
    const socket = connect({ host: "127.0.0.1", port: proxy.port, allowHalfOpen: true });
    clients.push(socket);
    const client = peer(socket);
    const before = targets.length;
    await until("the target has the connection", () => targets.length > before);
    return { client, target: targets[before] as Peer };
  };
  return { proxy, targets, open };
}

test("all bytes pass in both directions, and the end of each", async (t) => {
  const { proxy, open } = await world(t);
  const { client, target } = await open();
  // More than any buffer on the way, so that the sender has to wait.
  const much = "0123456789abcdef".repeat(500_000);
  client.socket.end(much);
  target.socket.end("answer");
  await until("all has come", () => target.heard().length === much.length && client.heard() === "answer");
  t.is(target.heard(), much);
  await until("the connection is over", () => client.end() !== undefined && target.end() !== undefined);
  t.deepEqual([client.end(), target.end()], ["closed", "closed"]);
  t.is(proxy.connections, 0);
});

test("what one side resets is reset for the other", async (t) => {
  const { proxy, open } = await world(t);
  const { client, target } = await open();
  resetSocket(target.socket);
  await until("the client knows", () => client.end() !== undefined);
  t.is(client.end(), "ECONNRESET");
  t.is(proxy.connections, 0);
});

test("a reset is an RST on both sides, of as many connections as the seed draws, at least one", async (t) => {
  const { proxy, open } = await world(t, 3);
  const pairs = [await open(), await open(), await open(), await open()];
  const hit = proxy.reset();
  await until("they know", () => pairs.filter(({ client }) => client.end() === "ECONNRESET").length === hit);
  t.true(hit >= 1 && hit < 4);
  t.is(proxy.connections, 4 - hit);
  for (const { client, target } of pairs) {
    t.is(client.end(), target.end());
    if (client.end() === undefined) client.socket.write("still");
  }
  const whole = pairs.filter(({ client }) => client.end() === undefined);
  await until("the others pass", () => whole.every(({ target }) => target.heard() === "still"));
  proxy.resetAll();
  await until("all are gone", () => pairs.every(({ target }) => target.end() === "ECONNRESET"));
  t.is(proxy.reset(), 0);
});

test("a half-open connection is silent, hides the other side's end, and does not survive the healing", async (t) => {
  const { proxy, open } = await world(t);
  const { client, target } = await open();
  const other = await open();
  proxy.halfOpen();
  client.socket.write("question");
  target.socket.write("answer");
  resetSocket(other.client.socket);
  const late = await open();
  late.target.socket.write("greeting");
  await until("the other's client is gone", () => other.client.socket.destroyed);
  // A round trip through a healthy proxy shows that there was enough time.
  const { open: openHealthy } = await world(t);
  const healthy = await openHealthy();
  healthy.client.socket.write("ping");
  await until("bytes pass elsewhere", () => healthy.target.heard() === "ping");
  t.deepEqual([client.heard(), target.heard(), late.client.heard()], ["", "", ""]);
  t.deepEqual([client.end(), target.end(), other.target.end()], [undefined, undefined, undefined]);

  proxy.heal();
  await until("both sides know", () => client.end() !== undefined && target.end() !== undefined);
  t.deepEqual([client.end(), target.end()], ["ECONNRESET", "ECONNRESET"]);
  await until("the target of the one that left knows", () => other.target.end() !== undefined);
  const again = await open();
  again.client.socket.write("question");
  await until("it passes again", () => again.target.heard() === "question");
});

test("answers can be lost while questions arrive", async (t) => {
  const { proxy, open } = await world(t);
  const { client, target } = await open();
  const idle = await open();
  proxy.loseAnswers();
  client.socket.write("question");
  await until("the question arrives", () => target.heard() === "question");
  target.socket.write("answer");
  target.socket.end();
  client.socket.write(" and another");
  await until("so does another one", () => target.heard() === "question and another");
  t.is(client.heard(), "");
  t.is(client.end(), undefined);
  proxy.heal();
  await until("the client knows", () => client.end() === "ECONNRESET");
  idle.target.socket.write("answer");
  await until("a connection that lost nothing goes on", () => idle.client.heard() === "answer");
});

test("if questions are lost, answers still arrive", async (t) => {
  const { proxy, open } = await world(t);
  const { client, target } = await open();
  proxy.loseQuestions();
  client.socket.write("question");
  target.socket.write("answer");
  await until("the answer arrives", () => client.heard() === "answer");
  t.is(target.heard(), "");
  proxy.heal();
  await until("the target knows", () => target.end() === "ECONNRESET");
});

test("a cut lets a part of a piece pass, then resets", async (t) => {
  const { proxy, open } = await world(t, 5);
  const { client, target } = await open();
  t.is(proxy.cut(), 1);
  const sent = "PUB a.subject 20\r\n01234567890123456789\r\n";
  client.socket.write(sent);
  await until("both know", () => client.end() === "ECONNRESET" && target.end() !== undefined);
  t.true(target.heard().length < sent.length);
  t.true(sent.startsWith(target.heard()));
});

test("a cut is drawn from the seed", async (t) => {
  const lengths: number[] = [];
  for (const seed of [5, 5, 6, 7, 8]) {
    const { proxy, open } = await world(t, seed);
    const { client, target } = await open();
    proxy.cut();
    client.socket.write("x".repeat(1_000));
    await until("it is cut", () => target.end() !== undefined);
    lengths.push(target.heard().length);
  }
  t.is(lengths[0], lengths[1]);
  t.true(new Set(lengths).size > 1);
});

test("a delay holds everything back, keeps the order, and ends with the healing", async (t) => {
  const { proxy, open } = await world(t);
  const { client, target } = await open();
  proxy.delay(100);
  const startedMs = performance.now();
  client.socket.write("a");
  await until("it arrives", () => target.heard() === "a");
  t.true(performance.now() - startedMs >= 95);
  client.socket.write("b");
  await until("it is on its way", () => client.socket.writableLength === 0);
  proxy.heal();
  client.socket.end("c");
  await until("all arrives", () => target.heard().length === 3);
  t.is(target.heard(), "abc");
});

test("new connections can be refused while old ones pass", async (t) => {
  const { proxy, open } = await world(t);
  const { client, target } = await open();
  proxy.refuse();
  const refused = peer(connect({ host: "127.0.0.1", port: proxy.port }));
  await until("it is refused", () => refused.end() !== undefined);
  client.socket.write("old");
  await until("the old one passes", () => target.heard() === "old");
  proxy.heal();
  const { client: next, target: nextTarget } = await open();
  next.socket.write("new");
  await until("new ones pass", () => nextTarget.heard() === "new");
  t.is(refused.end(), "ECONNRESET");
});

test("a target that is not there resets the client", async (t) => {
  const { proxy } = await world(t);
  proxy.aim(await freePort("127.0.0.1", systemRandom));
  const client = peer(connect({ host: "127.0.0.1", port: proxy.port }));
  await until("the client knows", () => client.end() !== undefined);
  t.is(proxy.connections, 0);
});
