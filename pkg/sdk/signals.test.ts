// SPDX-License-Identifier: Apache-2.0

import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import test from "ava";

import { EventSourced } from "../protocol/gen/cloudstate/event_sourced_pb.ts";
import { FakeProxy } from "./test-model/fake-proxy.ts";
import { emit, wait } from "./test-model/wire.ts";

const MAIN = fileURLToPath(new URL("./test-model/main.ts", import.meta.url));

/** Starts the model in a separate process. Resolves with the address that the process prints. */
async function start(env: NodeJS.ProcessEnv): Promise<{ child: ChildProcess; host: string; port: number }> {
  const child = spawn(process.execPath, [MAIN], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  const [host = "", port = ""] = line.split(" ");
  return { child, host, port: Number(port) };
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`${signal} answers the command in hand and exits with code 0`, async (t) => {
    const { child, port } = await start({ PORT: "0" });
    const proxy = new FakeProxy(port);
    const entity = proxy.activate("busy");
    t.deepEqual(await entity.process(emit("A")), { reply: "A", events: ["A"] });
    entity.command([emit("B"), ...Array.from({ length: 50 }, () => wait)]);
    // When this is answered, the handler has the command, because both came on one connection.
    await proxy.discover({ protocolMinorVersion: 2, supportedEntityTypes: [EventSourced.typeName] });

    child.kill(signal);
    t.deepEqual(await entity.answer(), { reply: "AB", events: ["B"] });
    t.is(await entity.answer(), "end");
    t.deepEqual(await once(child, "exit"), [0, null]);
    proxy.client.close();
  });
}

test("HOST and PORT say where it listens", async (t) => {
  const { child, host, port } = await start({ HOST: "localhost", PORT: "0" });
  t.is(host, "localhost");
  t.true(port > 0);
  child.kill();
  t.deepEqual(await once(child, "exit"), [0, null]);
});
