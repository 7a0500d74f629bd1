// SPDX-License-Identifier: Apache-2.0

import { spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import type { ExecutionContext } from "ava";
import test from "ava";

import { PROXY_VERSION } from "../../../pkg/proxy/mod.ts";

import { natsSerialTest } from "../../../test/lib/nats/nats-test.ts";
import { startNatsServer } from "../../../test/lib/nats/server.ts";
import { CartFolder, ROOT } from "./test-lib/cart-folder.ts";
import { PerdureProcess } from "./test-lib/perdure-process.ts";

const READY = /^ready (http:\/\/127\.0\.0\.1:\d+)$/;

/** A user function whose specification `spec.ts` changes. */
const COUNTER = `
import { startScriptedUserFunction } from ${JSON.stringify(join(ROOT, "test/lib/scripted-user-function.ts"))};
import { counterFile, counterSpec, descriptorSet } from ${JSON.stringify(join(ROOT, "test/lib/counter.ts"))};
import { file_cloudstate_entity_key } from ${JSON.stringify(join(ROOT, "pkg/protocol/gen/cloudstate/entity_key_pb.ts"))};
import { file_google_protobuf_descriptor } from "@bufbuild/protobuf/wkt";
import { change } from "./spec.ts";

const file = counterFile();
change(file);
const proto = descriptorSet([file, file_cloudstate_entity_key.proto, file_google_protobuf_descriptor.proto]);
await startScriptedUserFunction({ port: Number(process.env["PORT"]), spec: counterSpec({ proto }) });
`;

/** A folder with a cart whose function also prints its process id. */
class Workplace extends CartFolder {
  readonly #t: ExecutionContext;
  readonly #started: PerdureProcess[] = [];

  constructor(t: ExecutionContext) {
    super();
    this.#t = t;
    appendFileSync(join(this.cart, "main.ts"), "\nconsole.log(`function ${process.pid}`);\n");
    t.teardown(() => this.#clean());
  }

  perdure(...args: readonly string[]): PerdureProcess {
    const started = new PerdureProcess(args, this.folder);
    this.#started.push(started);
    return started;
  }

  /** `perdure dev` on the cart, on free ports, without types, which take their time. */
  dev(...args: readonly string[]): PerdureProcess {
    return this.perdure("dev", "--dir", "cart", "--http-port", "0", "--no-types", ...args);
  }

  async #clean(): Promise<void> {
    for (const process of this.#started) process.signal("SIGKILL");
    await Promise.all(this.#started.map((process) => process.exit()));
    if (!this.#t.passed) for (const { text } of this.#started) this.#t.log(text);
    this.remove();
  }
}

const urlOf = async (dev: PerdureProcess): Promise<string> => (await dev.find(READY))[1] as string;

const pidOf = async (dev: PerdureProcess, from = 0): Promise<number> =>
  Number((await dev.find(/^shopping-cart \| function (\d+)$/, from))[1]);

async function add(url: string, quantity: number): Promise<Response> {
  return fetch(`${url}/cart/ann/items/add`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ productId: "p1", name: "Pen", quantity }),
  });
}

const cart = async (url: string): Promise<unknown> => (await fetch(`${url}/carts/ann`)).json();

async function gone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 400; tries++) {
    try {
      process.kill(pid, 0);
    } catch {
      return true;
    }
    await delay(25);
  }
  return false;
}

test.serial(
  "perdure dev prints what it serves, serves it, and keeps it when everything is killed",
  async (t) => {
    const place = new Workplace(t);
    const first = place.dev();
    const url = await urlOf(first);
    const served = [
      "com.example.shoppingcart.ShoppingCart",
      "  AddItem  POST /cart/{user_id}/items/add",
      `    curl -d '{"productId":"p1","name":"Pen","quantity":2}' -H 'content-type: application/json' ${url}/cart/ann/items/add`,
      "  GetCart  GET /carts/{user_id}",
      `    curl ${url}/carts/ann`,
    ];
    for (const line of served) t.true(first.lines.includes(line), line);
    t.false(first.text.includes("\u001b"));

    const added = await add(url, 2);
    t.deepEqual([added.status, await added.json()], [200, {}]);
    const expected = { items: [{ productId: "p1", name: "Pen", quantity: 2 }] };
    t.deepEqual(await cart(url), expected);

    const pid = await pidOf(first);
    first.signal("SIGKILL");
    process.kill(pid, "SIGKILL");
    t.is(await first.exit(), "SIGKILL");
    t.true(await gone(pid));

    const second = place.dev();
    t.deepEqual(await cart(await urlOf(second)), expected);
  },
);

natsSerialTest(
  "perdure dev keeps its state in NATS, tells no password, and says how to get a server",
  async (t) => {
    const auth = { kind: "password", user: "dev", password: "hidden" } as const;
    const server = await startNatsServer({ auth });
    t.teardown(() => server.stop());
    const address = `nats://dev:hidden@127.0.0.1:${server.port}/shop`;
    const place = new Workplace(t);
    const first = place.dev("--log", address);
    t.is((await add(await urlOf(first), 2)).status, 200);
    t.true(first.lines.some((line) => line.endsWith(`; state in nats://…@127.0.0.1:${server.port}/shop`)));
    first.signal("SIGKILL");
    await first.exit();

    const second = place.dev("--log", address, "--verbose");
    t.deepEqual(await cart(await urlOf(second)), { items: [{ productId: "p1", name: "Pen", quantity: 2 }] });
    second.signal("SIGINT");
    t.is(await second.exit(), 0);

    const reset = place.dev("--log", address, "--reset", "--yes");
    t.is(await reset.exit(), 2);
    t.regex(reset.text, /nats:.* is yours to delete/);

    await server.stop();
    const without = place.dev("--log", address);
    t.is(await without.exit(), 1);
    t.regex(without.text, /^perdure: .*no NATS server answers there: start one .*npm run nats/m);
    for (const { text } of [first, second, reset, without]) t.notRegex(text, /hidden/);
  },
);

test.serial(
  "a change of a file restarts the function, not the proxy; a crash is told and repaired by a change",
  async (t) => {
    const place = new Workplace(t);
    const dev = place.dev();
    const url = await urlOf(dev);
    const before = await pidOf(dev);
    await add(url, 2);

    let mark = dev.lines.length;
    place.write("note.ts", "export const note = 1;\n");
    await dev.find(/^perdure +\| restarted after a change of note\.ts \(/, mark);
    t.not(await pidOf(dev, mark), before);
    t.true(await gone(before));
    t.is((await add(url, 3)).status, 200);
    t.deepEqual(await cart(url), { items: [{ productId: "p1", name: "Pen", quantity: 5 }] });
    t.is(dev.lines.filter((line) => READY.test(line)).length, 1);

    mark = dev.lines.length;
    place.write("note.ts", "export const note = 2;\n");
    const main = 'import { cart } from "./cart.ts";\nimport { serve } from "@perdure/sdk";\n';
    place.write("main.ts", "console.error('out of pens'); process.exit(7);\n");
    await dev.find(/the function ended with exit code 7, before it served anything$/, mark);
    await dev.find(/^perdure +\| it is started again when a file changes$/, mark);
    t.is(dev.lines.filter((line) => line.includes("out of pens")).length, 1);

    mark = dev.lines.length;
    place.write("main.ts", `${main}await serve(cart);\n`);
    await dev.find(/^perdure +\| restarted after a change of main\.ts/, mark);
    t.deepEqual(await cart(url), { items: [{ productId: "p1", name: "Pen", quantity: 5 }] });
  },
);

test.serial("what changed in what is served is told, and why a function is refused", async (t) => {
  const place = new Workplace(t);
  place.write("main.ts", COUNTER);
  place.write("spec.ts", "export const change = (): void => undefined;\n");
  const dev = place.dev();
  await dev.find(READY);
  t.true(dev.lines.includes("  Get  POST /perdure.test.Counter/Get"));

  let mark = dev.lines.length;
  place.write("spec.ts", "export const change = (file: any): void => file.service[0].method.pop();\n");
  await dev.find(/^perdure +\| restarted after a change of spec\.ts/, mark);
  await dev.find(/^perdure +\| - Get {2}POST \/perdure\.test\.Counter\/Get$/, mark);

  mark = dev.lines.length;
  place.write("spec.ts", "export const change = (file: any): void => { file.service = []; };\n");
  await dev.find(/^perdure +\| error user function was refused$/, mark);
  await dev.find(/^perdure +\| {3}- service perdure\.test\.Counter is not in the descriptors$/, mark);
  await dev.find(/looked at again when a file changes/, mark);

  mark = dev.lines.length;
  place.write("spec.ts", "export const change = (): void => undefined;\n");
  await dev.find(/^perdure +\| restarted after a change of spec\.ts/, mark);
  await dev.find(/^perdure +\| \+ Get {2}POST \/perdure\.test\.Counter\/Get$/, mark);
});

test.serial("what is announced and not served is told, and the rest served", async (t) => {
  const place = new Workplace(t);
  place.write("main.ts", COUNTER);
  const streamed = "file.service[0].method[1].serverStreaming = true";
  place.write("spec.ts", `export const change = (file: any): void => { ${streamed}; };\n`);
  const dev = place.dev();
  await dev.find(READY);
  t.true(dev.lines.includes("  Add  POST /perdure.test.Counter/Add"));
  t.true(dev.lines.includes("perdure.test.Counter.Get: not served"));
  await dev.find(/^perdure +\| warn part of the user function is not served$/);
  await dev.find(/^perdure +\| {3}- method perdure\.test\.Counter\.Get is streamed; methods of/);
});

test.serial("SIGTERM ends everything in order with exit code 0", async (t) => {
  const dev = new Workplace(t).dev();
  const url = await urlOf(dev);
  const pid = await pidOf(dev);
  dev.signal("SIGTERM");
  t.is(await dev.exit(), 0);
  t.true(await gone(pid));
  await t.throwsAsync(fetch(url));
  t.is(dev.lines.at(-1), "perdure       | stopped");
});

test.serial("when its output is not read any more, its next line ends everything in order too", async (t) => {
  const place = new Workplace(t);
  // A line of the function, soon after the reader has gone.
  appendFileSync(join(place.cart, "main.ts"), "setInterval(() => console.log('tick'), 100);\n");
  const dev = place.dev();
  await urlOf(dev);
  const pid = await pidOf(dev);
  dev.closeOutput();
  t.is(await dev.exit(), 0);
  t.true(await gone(pid));
});

test.serial("asked twice to stop, it ends at once and takes a deaf function along", async (t) => {
  const place = new Workplace(t);
  appendFileSync(
    join(place.cart, "main.ts"),
    "process.removeAllListeners('SIGTERM').on('SIGTERM', () => 0);\n",
  );
  const dev = place.dev();
  await urlOf(dev);
  const pid = await pidOf(dev);
  dev.signal("SIGTERM");
  // `perdure dev` counts signals within a quarter of a second as one, because npm passes a Ctrl-C on. A busy machine
  // may deliver signals together that the test has sent one after the other, so the test sends one again and again.
  const insisting = setInterval(() => dev.signal("SIGINT"), 300);
  t.teardown(() => clearInterval(insisting));
  t.is(await dev.exit(), 130);
  t.true(await gone(pid));
});

test.serial("one Ctrl-C that comes twice, as under npm, stops in order", async (t) => {
  const dev = new Workplace(t).dev();
  await urlOf(dev);
  dev.signal("SIGINT");
  dev.signal("SIGINT");
  t.is(await dev.exit(), 0);
});

test.serial("if perdure dev is killed, the function does not stay behind", async (t) => {
  const dev = new Workplace(t).dev();
  await urlOf(dev);
  const pid = await pidOf(dev);
  dev.signal("SIGKILL");
  t.true(await gone(pid));
});

test.serial(
  "a second perdure dev on the same log, or on a port that is taken, says what to do",
  async (t) => {
    const place = new Workplace(t);
    const first = place.dev();
    await urlOf(first);
    const second = place.dev();
    t.is(await second.exit(), 1);
    const url = await urlOf(first);
    t.true(second.text.startsWith(`perdure: shopping-cart runs already, on ${url} (process `), second.text);
    t.regex(second.text, /--log sqlite:PATH$/);
    const reset = place.dev("--reset", "--yes");
    t.is(await reset.exit(), 1);
    t.true(reset.text.includes(`runs already, on ${url}`));

    const server = createServer().listen(0, "127.0.0.1");
    t.teardown(() => server.close());
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const other = place.perdure("dev", "--dir", "cart", "--log", "memory:", "--http-port", String(port));
    t.is(await other.exit(), 1);
    t.regex(other.text, new RegExp(`^perdure: port ${port} is in use.*--http-port`, "m"));
    t.notRegex(other.text, /function \d+/);
  },
);

test.serial("--reset starts with empty state, but never unasked", async (t) => {
  const place = new Workplace(t);
  const first = place.dev();
  await add(await urlOf(first), 2);
  first.signal("SIGINT");
  t.is(await first.exit(), 0);

  const unasked = place.dev("--reset");
  t.is(await unasked.exit(), 2);
  t.regex(unasked.text, /--yes/);
  const elsewhere = place.dev("--reset", "--yes", "--log", "sqlite:other.db");
  t.is(await elsewhere.exit(), 2);

  const asked = place.dev("--reset", "--yes");
  t.deepEqual(await cart(await urlOf(asked)), { items: [] });
});

test.serial("--reset deletes the state behind a link, and refuses what is no file", async (t) => {
  const place = new Workplace(t);
  const first = place.dev();
  await add(await urlOf(first), 2);
  first.signal("SIGINT");
  t.is(await first.exit(), 0);
  const state =
    [place.folder, place.cart].map((each) => join(each, ".perdure")).find((each) => existsSync(each)) ?? "";
  const name = join(state, readdirSync(state).find((each) => each.endsWith(".db")) ?? "");
  const kept = join(place.folder, "kept.db");
  renameSync(name, kept);
  symlinkSync(kept, name);

  const second = place.dev("--reset", "--yes");
  t.deepEqual(await cart(await urlOf(second)), { items: [] });
  second.signal("SIGINT");
  t.is(await second.exit(), 0);
  t.true(lstatSync(name).isSymbolicLink());
  t.true(lstatSync(kept).isFile());

  rmSync(name);
  t.is(spawnSync("mkfifo", [name]).status, 0);
  const fifo = place.dev("--reset", "--yes");
  t.is(await fifo.exit(), 1);
  t.regex(fifo.text, /this is a FIFO, and a log is made of regular files; nothing was changed/);
  t.true(lstatSync(name).isFIFO());
});

test.serial("a command that does not work is told, with exit code 1", async (t) => {
  const place = new Workplace(t);
  const missing = place.dev("--", "no-such-program", "main.ts");
  t.is(await missing.exit(), 1);
  t.regex(missing.text, /cannot be started: there is no program no-such-program/);

  const crashing = place.dev("--no-watch", "--", "node", "-e", "console.error('broken'); process.exit(9)");
  t.is(await crashing.exit(), 1);
  t.regex(crashing.text, /exit code 9, before it served anything/);
});

test.serial("wrong usage is told, with exit code 2", async (t) => {
  const place = new Workplace(t);
  mkdirSync(join(place.folder, "empty"));
  const wrong: [string[], RegExp][] = [
    [["dev", "--dir", "nowhere"], /no folder .*nowhere/],
    [["dev", "--dir", "empty"], /does not say how to run it/],
    [["dev", "--dir", "cart", "--http-port", "x"], /--http-port must be .*, not "x"/],
    [["dev", "--dir", "cart", "--log", "foo:"], /"foo:" is not the address of a log/],
    [["dev", "--watchers"], /unknown option '--watchers'/],
    [["dev", "cart"], /too many arguments/],
    [["develop"], /unknown command 'develop'.*/],
  ];
  const all = wrong.map(([args, text]) => ({ text, process: place.perdure(...args) }));
  for (const { text, process } of all) {
    t.is(await process.exit(), 2);
    t.regex(process.text, text);
  }
});

test.serial("help begins with examples, and the version is told", async (t) => {
  const place = new Workplace(t);
  const [help, devHelp, version] = [
    place.perdure("--help"),
    place.perdure("dev", "--help"),
    place.perdure("-V"),
  ];
  t.is(await help.exit(), 0);
  t.is(help.lines[0], "Examples:");
  t.is(await devHelp.exit(), 0);
  t.is(devHelp.lines[0], "Examples:");
  t.true(devHelp.text.includes("-- command..."));
  t.is(await version.exit(), 0);
  t.deepEqual(version.lines, [PROXY_VERSION]);
});
