// SPDX-License-Identifier: Apache-2.0

import { appendFileSync, existsSync } from "node:fs";
import { join } from "node:path";

import type { ExecutionContext } from "ava";
import test from "ava";

import { natsSerialTest } from "../../../test/lib/nats/nats-test.ts";
import { startNatsServer } from "../../../test/lib/nats/server.ts";
import { until } from "../../../test/lib/until.ts";
import { CartFolder } from "./test-lib/cart-folder.ts";
import { PerdureProcess } from "./test-lib/perdure-process.ts";

const CARTS = Array.from({ length: 16 }, (_, index) => `cart-${index}`);

const OWNERS = /^perdure +\| 1024 shards of entities: dev-1 has ([1-9]\d*), dev-2 has ([1-9]\d*)$/;

/** `perdure dev` with two proxies on a new server. Each function prints its process id. */
async function startTwo(t: ExecutionContext) {
  const server = await startNatsServer();
  t.teardown(() => server.stop());
  const place = new CartFolder();
  t.teardown(() => place.remove());
  appendFileSync(join(place.cart, "main.ts"), "\nconsole.log(`function ${process.pid}`);\n");
  const log = `nats://127.0.0.1:${server.port}/shop`;
  const flags = ["--proxies", "2", "--log", log, "--http-port", "0", "--no-types", "--quiet"];
  const dev = new PerdureProcess(["dev", "--dir", "cart", ...flags], place.folder);
  t.teardown(async () => {
    dev.signal("SIGKILL");
    await dev.exit();
    if (!t.passed) t.log(dev.text);
  });
  const urls = [await urlOf(dev, "dev-1"), await urlOf(dev, "dev-2")] as const;
  return { place, dev, urls };
}

async function urlOf(dev: PerdureProcess, name: string): Promise<string> {
  return (await dev.find(new RegExp(`^ready (http://127\\.0\\.0\\.1:\\d+) ${name}$`)))[1] as string;
}

/** What a command prints. */
async function output(folder: string, args: readonly string[]): Promise<string> {
  const child = new PerdureProcess(args, folder);
  await child.exit();
  return child.text;
}

async function pidOf(dev: PerdureProcess, name: string): Promise<number> {
  return Number((await dev.find(new RegExp(`^${name} shopping-cart \\| function (\\d+)$`)))[1]);
}

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Adds a product. @throws Error unless it is answered with success. */
async function add(url: string, cart: string, productId: string): Promise<void> {
  const answer = await fetch(`${url}/cart/${cart}/items/add`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ productId, name: "Pen", quantity: 1 }),
  });
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`${cart}, ${productId}: ${answer.status} ${text}`);
}

async function read(url: string, cart: string): Promise<string[]> {
  const { items } = (await (await fetch(`${url}/carts/${cart}`)).json()) as {
    items: { productId: string }[];
  };
  return items.map(({ productId }) => productId);
}

/** Adds products to all carts, at one URL after the other, until the work is done. Gives how many each cart got. */
async function whileAdding(urls: readonly [string, string], work: () => Promise<unknown>) {
  const over = new AbortController();
  const callers = CARTS.map(async (cart, index) => {
    let count = 0;
    for (; !over.signal.aborted; count++) await add(urls[(index + count) % 2] ?? urls[0], cart, `p${count}`);
    return count;
  });
  const [counts] = await Promise.all([Promise.all(callers), work().finally(() => over.abort())]);
  return counts;
}

natsSerialTest("two proxies share the entities, and say who owns how many shards", async (t) => {
  const { place, dev, urls } = await startTwo(t);
  t.true(dev.lines.includes(`    curl ${urls[0]}/carts/ann`));
  const [, first, second] = await dev.find(OWNERS);
  t.is(Number(first) + Number(second), 1_024);
  for (const [index, cart] of CARTS.entries()) {
    await add(urls[index % 2] ?? urls[0], cart, "pen");
    for (const url of urls) t.deepEqual(await read(url, cart), ["pen"]);
  }

  // As with a log in the folder, the other commands find it.
  for (const [name, owner, owned] of [
    ["dev-1", /^ {4}dev-1\.\w+ +this one /m, first],
    ["dev-2", /^ {4}dev-2\.\w+ +this one /m, second],
  ] as const) {
    const flags = name === "dev-1" ? [] : ["--proxy", name];
    const shards = await output(place.folder, ["shards", "--dir", "cart", ...flags]);
    t.regex(shards, owner);
    t.regex(shards, new RegExp(`^ {4}${name}\\.\\w+ .* ${owned} +${owned} `, "m"));
    t.regex(await output(place.cart, ["inspect", ...flags]), new RegExp(`^ {2}member +${name}\\.`, "m"));
  }
  t.regex(await output(place.cart, ["shards", "--proxy", "dev-3"]), /runs dev-1, dev-2, and no "dev-3"$/);

  const pids = [await pidOf(dev, "dev-1"), await pidOf(dev, "dev-2")];
  t.not(pids[0], pids[1]);

  dev.signal("SIGINT");
  t.is(await dev.exit(), 0);
  t.regex(dev.lines.at(-1) ?? "", /^perdure +\| stopped$/);
  t.deepEqual(pids.filter(lives), []);
  for (const url of urls) await t.throwsAsync(fetch(url));
  t.false(existsSync(join(place.cart, ".perdure/shopping-cart.run")));
});

natsSerialTest("a change restarts one function after the other, and no caller sees it", async (t) => {
  const { place, dev, urls } = await startTwo(t);
  await dev.find(OWNERS);
  const mark = dev.lines.length;
  const counts = await whileAdding(urls, async () => {
    place.write("note.ts", "export const note = 1;\n");
    for (const name of ["dev-1", "dev-2"])
      await dev.find(new RegExp(`^${name} +\\| restarted after a change of note\\.ts \\(`), mark);
  });
  for (const [index, cart] of CARTS.entries())
    for (const url of urls) t.is((await read(url, cart)).length, counts[index] ?? 0);

  // The second one began when the first one served again.
  const began = dev.lines
    .slice(mark)
    .map((line) => /^(?:dev-1 +\| restarted|dev-2 \S+ +\| function)/.exec(line)?.[0]);
  t.deepEqual(
    began.filter((text) => text !== undefined).map((text) => text.slice(0, 5)),
    ["dev-1", "dev-2"],
  );
});

natsSerialTest(
  "if a function does not serve the new code, the others go on and have its entities",
  async (t) => {
    const { place, dev, urls } = await startTwo(t);
    await dev.find(OWNERS);
    const second = await pidOf(dev, "dev-2");
    const main = place.read("main.ts");
    let mark = dev.lines.length;
    place.write("main.ts", "process.exit(7);\n");
    await dev.find(/^perdure +\| the other functions go on with the code that they have/, mark);
    t.true(lives(second));
    // The other proxies have taken over its entities. Its own port still takes commands, and sends them there.
    for (const [index, cart] of CARTS.entries()) {
      await add(urls[index % 2] ?? urls[0], cart, "pen");
      for (const url of urls) t.deepEqual(await read(url, cart), ["pen"]);
    }

    mark = dev.lines.length;
    place.write("main.ts", main);
    for (const name of ["dev-1", "dev-2"]) await dev.find(new RegExp(`^${name} +\\| restarted after`), mark);
    await until("its process has ended", () => !lives(second));
    await add(urls[0], "ann", "pen");
    t.deepEqual(await read(urls[1], "ann"), ["pen"]);
  },
);

test("several proxies on a log of one proxy are wrong usage", async (t) => {
  const place = new CartFolder();
  t.teardown(() => place.remove());
  const dev = new PerdureProcess(["dev", "--dir", "cart", "--proxies", "3"], place.folder);
  t.is(await dev.exit(), 2);
  t.regex(dev.text, /^perdure: --proxies 3 needs a log .* \(npm run nats.* --log nats:\/\/localhost$/m);
});
