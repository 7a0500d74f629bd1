// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";

import type { ExecutionContext } from "ava";
import test from "ava";

import { startOtlpReceiver } from "../../../test/lib/otlp-receiver.ts";
import { until } from "../../../test/lib/until.ts";
import { CartFolder, ROOT } from "./test-lib/cart-folder.ts";
import { TerminalProcess } from "./test-lib/terminal.ts";

const MAIN = join(import.meta.dirname, "../main.ts");
const READY = /^ready (http:\/\/127\.0\.0\.1:\d+)$/m;

/** A person at a terminal in a folder with the shopping cart. */
function person(t: ExecutionContext) {
  const place = new CartFolder();
  const started: TerminalProcess[] = [];
  t.teardown(async () => {
    for (const each of started) each.kill();
    await Promise.all(started.map((each) => each.exit()));
    if (!t.passed) for (const each of started) t.log(each.text);
    place.remove();
  });
  const run = (file: string, args: readonly string[], columns = 200, env = {}): TerminalProcess => {
    const terminal = new TerminalProcess(file, args, { cwd: place.folder, columns, env });
    started.push(terminal);
    return terminal;
  };
  /** Runs `perdure dev` on the cart. By default on a free port and without type checks, because they are slow. */
  const dev = (...args: readonly string[]): TerminalProcess => {
    const usual = ["--dir", "cart", "--no-types", "--http-port", "0"];
    return run(process.execPath, [MAIN, "dev", ...usual, ...args]);
  };
  return { place, run, dev };
}

const urlOf = async (dev: TerminalProcess): Promise<string> => (await dev.until(READY))[1] ?? "";

function add(url: string, quantity = 2): Promise<Response> {
  return fetch(`${url}/cart/ann/items/add`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ productId: "p1", name: "Pen", quantity }),
  });
}

test.serial("a file that an editor replaces is seen to change each time", async (t) => {
  const { place, dev } = person(t);
  const terminal = dev();
  await urlOf(terminal);
  const main = place.read("main.ts");
  for (const round of [1, 2, 3]) {
    place.replace("main.ts", `${main}console.log("round ${round}");\n`);
    await terminal.until(new RegExp(`^shopping-cart \\| round ${round}$`, "m"));
    // Waits, because a change before it serves again would be one restart with the next change.
    await until("it serves again", () => terminal.count("restarted after a change of main.ts") === round);
  }
  place.write("main.ts", `${main}console.log("in place");\n`);
  await terminal.until(/^shopping-cart \| in place$/m);
  await until("it serves again", () => terminal.count("restarted after a change of main.ts") === 4);
  t.pass();
});

test.serial("an error at the start is said once, in full, and mended by the next save", async (t) => {
  const { place, dev } = person(t);
  const main = place.read("main.ts");
  place.replace("main.ts", `${main}const broken = ;\n`);
  const terminal = dev();
  await terminal.until(/the function ended with exit code 1, before it served anything/);
  await terminal.until(/it is started again when a file changes/);
  t.is(terminal.count("Expression expected"), 1);
  t.is(terminal.count("const broken = ;"), 1);
  t.notRegex(terminal.text, /node:internal|Node\.js v/);
  place.replace("main.ts", main);
  await urlOf(terminal);

  place.replace("main.ts", `console.error("out of pens");\nthrow new Error("no pens");\n`);
  await terminal.until(/before it served anything[\s\S]*before it served anything/);
  t.is(terminal.count("out of pens"), 1);
  t.is(terminal.count("Error: no pens"), 1);
  place.replace("main.ts", main);
  await terminal.until(/restarted after a change of main\.ts/);
});

test.serial("each request is a line, with --quiet none", async (t) => {
  const { dev } = person(t);
  const terminal = dev();
  const url = await urlOf(terminal);
  await add(url);
  const line = (rest: string) => new RegExp(`^perdure {7}\\| ${rest}$`, "m");
  const ms = String.raw`\d+ ms`;
  await terminal.until(line(`POST /cart/ann/items/add {2}200 {2}${ms} {2}shopping-cart/ann {2}1 event`));
  await (await fetch(`${url}/carts/ann`)).text();
  await terminal.until(line(`GET /carts/ann {2}200 {2}${ms} {2}shopping-cart/ann {2}0 events`));
  await (await fetch(`${url}/nowhere`)).text();
  await terminal.until(line(`GET /nowhere {2}404 UNKNOWN_PATH {2}${ms}`));

  const quiet = dev("--quiet", "--log", "memory:");
  const quietUrl = await urlOf(quiet);
  t.is((await add(quietUrl)).status, 200);
  quiet.type("\u0003");
  t.is(await quiet.exit(), 0);
  t.notRegex(quiet.text, /items\/add {2}200/);
});

test.serial(
  "--trace shows the spans of each request within 80 columns, and piped the same in words",
  async (t) => {
    const { run } = person(t);
    const receiver = await startOtlpReceiver(t);
    const args = [MAIN, "dev", "--dir", "cart", "--no-types", "--http-port", "0", "--trace"];
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.port}` };
    const terminal = run(process.execPath, args, 80, env);
    await add(await urlOf(terminal));
    await terminal.until(/^perdure {7}\| trace http:\/\/127\.0\.0\.1:16686\/trace\/[0-9a-f]{32}$/m);
    const own = terminal.lines.flatMap((line) => /^perdure {7}\| (.*)$/.exec(line)?.slice(1) ?? []);
    t.regex(own[0] ?? "", /^POST \/cart\/ann\/items\/add {2}200/);
    const spans = own.slice(
      1,
      own.findIndex((line) => line.startsWith("trace ")),
    );
    for (const line of spans) t.regex(line, /^\S.* +\d+\.\d ms {2} *━+$/);
    t.true(
      spans.every((line) => line.length < 64),
      "no line is wrapped",
    );
    t.true(spans.some((line) => /ShoppingCart\.AddItem /.test(line)));
    t.true(spans.some((line) => /[├└]─ append /.test(line)));
    t.notRegex(terminal.text, /^perdure.*\bstart\b.*ms/m, "the start is no request");
    terminal.type("\u0003");
    t.is(await terminal.exit(), 0);
    t.true(
      receiver.spans.some(({ name }) => name === "append"),
      "they are sent, too",
    );

    const piped = run(
      "sh",
      ["-c", `"$0" "$@" --log memory: --quiet 2>&1 | cat`, process.execPath, ...args],
      80,
    );
    await add(await urlOf(piped));
    await piped.until(/^perdure {7}\| com\.example\.shoppingcart\.ShoppingCart\.AddItem {2}\d+\.\d ms$/m);
    await piped.until(/^perdure {7}\| {3}append {2}\d+\.\d ms {2}after \d+\.\d ms$/m);
    t.notRegex(piped.text, /[├└━]|trace http/);
  },
);

test.serial(
  "the front page shows what is served, and a rule of the function's own goes before",
  async (t) => {
    const { place, dev } = person(t);
    const terminal = dev();
    const url = await urlOf(terminal);
    const get = async (accept: string) => (await fetch(url, { headers: { accept } })).text();
    t.regex(await get("*/*"), new RegExp(`^ {4}curl ${url}/carts/ann$`, "m"));
    t.regex(await get("text/html"), /<h2>com\.example\.shoppingcart\.ShoppingCart<\/h2>/);
    t.like(JSON.parse(await get("application/json")), {
      services: [{ name: "com.example.shoppingcart.ShoppingCart" }],
    });
    t.is((await fetch(url, { method: "POST" })).status, 404);
    place.replace("main.ts", "throw new Error();\n");
    await terminal.until(/before it served anything/);
    t.is((await fetch(url)).status, 503);
  },
);

test.serial(
  "a second one on the same state names the first; on another it takes the next free port",
  async (t) => {
    const { place, run } = person(t);
    const dev = (dir: string, ...more: readonly string[]) =>
      run(process.execPath, [MAIN, "dev", "--no-types", "--dir", dir, ...more]);
    const first = dev("cart");
    const url = await urlOf(first);
    const second = dev("cart");
    t.is(await second.exit(), 1);
    t.true(second.text.includes(`shopping-cart runs already, on ${url} (process `), second.text);
    t.is(second.text.split("\n").length, 1);

    place.copyCart("other");
    const other = dev("other");
    const otherUrl = await urlOf(other);
    const [, port = ""] = /:(\d+)$/.exec(otherUrl) ?? [];
    t.true(Number(port) > 9_000);
    const remark = `port 9000 is in use by another program, so this is on ${port}; --http-port chooses another`;
    t.is(other.count(remark), 1);
    t.is((await add(otherUrl)).status, 200);

    const server = createServer().listen(0, "127.0.0.1");
    t.teardown(() => server.close());
    await once(server, "listening");
    const { port: taken } = server.address() as AddressInfo;
    const chosen = dev("cart", "--log", "memory:", "--http-port", String(taken));
    t.is(await chosen.exit(), 1);
    t.regex(chosen.text, new RegExp(`port ${taken} is in use by another program.*--http-port ${taken + 1}`));
  },
);

test.serial("a changed .proto file has code generated before the restart; a wrong one is told", async (t) => {
  const { place, dev } = person(t);
  place.addBuf();
  const terminal = dev();
  await urlOf(terminal);
  const file = "proto/shoppingcart/shoppingcart.proto";
  const proto = place.read(file);
  place.replace(file, proto.replace("int32 quantity = 4;", "int32 quantity = 4;\n  string colour = 5;"));
  await terminal.until(/^perdure {7}\| ~ AddItem {2}POST \/cart/m);
  await terminal.until(/"quantity":2,"colour":"colour"/);
  t.regex(place.read("gen/shoppingcart/shoppingcart_pb.ts"), /colour: string/);

  place.replace(file, proto.replace("int32 quantity = 4;", "int32 quantity = ;"));
  await terminal.until(/code could not be generated \(exit code 100\); the function goes on as it is/);
  await terminal.until(/shoppingcart\.proto:\d+:\d+:/);
  t.is((await add((await urlOf(terminal)) ?? "")).status, 200);

  place.replace(file, proto);
  await terminal.until(/"quantity":2}' -H [\s\S]*"colour"[\s\S]*"quantity":2}' -H/);
});

test.serial("npm run generate brings the code of a project up to its .proto files", async (t) => {
  const { place, run } = person(t);
  place.addBuf();
  const file = "proto/shoppingcart/shoppingcart.proto";
  const proto = place.read(file);
  place.write(file, proto.replace("int32 quantity = 4;", "int32 quantity = 4;\n  string colour = 5;"));
  t.is(await run("npm", ["--prefix", "cart", "run", "-s", "generate"]).exit(), 0);
  t.regex(place.read("gen/shoppingcart/shoppingcart_pb.ts"), /colour: string/);
});

test.serial("types that do not fit are told, and the function runs all the same", async (t) => {
  const { place, run } = person(t);
  const terminal = run(process.execPath, [MAIN, "dev", "--dir", "cart", "--http-port", "0"]);
  const url = await urlOf(terminal);
  const main = place.read("main.ts");
  place.replace("main.ts", `${main}export const wrong: number = "text";\n`);
  await terminal.until(/types do not fit; this alone does not stop the function/);
  await terminal.until(/main\.ts\(\d+,\d+\): error TS2322: /);
  await terminal.until(/restarted after a change of main\.ts/);
  t.is((await add(url)).status, 200);
  place.replace("main.ts", main);
  await terminal.until(/types fit again/);
});

test.serial("Ctrl-C stops in order, and leaves no moving line behind", async (t) => {
  const { dev } = person(t);
  const terminal = dev();
  const url = await urlOf(terminal);
  terminal.type("\u0003");
  t.is(await terminal.exit(), 0);
  await t.throwsAsync(fetch(url));
  t.regex(terminal.text, /^perdure {7}\| stopped$/m);
  t.notRegex(terminal.text, /[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/);
});

test.serial("--reset asks before it deletes, and deletes when told", async (t) => {
  const { dev } = person(t);
  const first = dev();
  await add(await urlOf(first));
  first.type("\u0003");
  t.is(await first.exit(), 0);

  const unsure = dev("--reset");
  await unsure.until(/Delete all state in .*cart\/\.perdure\/shopping-cart\.db\? \[y\/N\]/);
  unsure.type("\r");
  t.is(await unsure.exit(), 0);
  t.regex(unsure.text, /nothing was deleted, nothing was started/);

  const sure = dev("--reset");
  await sure.until(/\[y\/N\]/);
  sure.type("y\r");
  t.deepEqual(await (await fetch(`${await urlOf(sure)}/carts/ann`)).json(), { items: [] });
});

test.serial(
  "the proxy's help is in groups, the usual settings first, in a terminal of any width",
  async (t) => {
    const { run } = person(t);
    for (const columns of [60, 200]) {
      const help = run(process.execPath, [join(ROOT, "cmd/proxy/main.ts"), "--help"], columns);
      t.is(await help.exit(), 0);
      const titles = [...help.text.matchAll(/^(\S.*):$/gm)].map(([, title]) => title);
      t.deepEqual(titles.slice(0, 3), ["Examples", "Usual settings", "Event log"]);
      t.is(titles.at(-1), "Options");
      const usual = help.text.slice(help.text.indexOf("Usual settings:"), help.text.indexOf("Event log:"));
      for (const flag of ["--http-port", "--user-function-port", "--log <", "--log-level"])
        t.true(usual.includes(flag), flag);
      t.false(usual.includes("--max-"));
    }
  },
);
