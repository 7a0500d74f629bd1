// SPDX-License-Identifier: Apache-2.0

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import type { ExecutionContext } from "ava";
import test from "ava";

import { freePort, systemRandom } from "../../../pkg/base/mod.ts";

import { temporaryFolder } from "../../../test/lib/processes.ts";
import { CartFolder } from "../cli/test-lib/cart-folder.ts";
import { PerdureProcess } from "../cli/test-lib/perdure-process.ts";

interface Run {
  readonly code: number | NodeJS.Signals | null;
  readonly text: string;
}

async function inspect(cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Run> {
  return perdure(cwd, ["inspect", ...args], env);
}

async function perdure(cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Run> {
  const child = new PerdureProcess(args, cwd, env);
  const code = await child.exit();
  return { code, text: child.text };
}

test("it shows the proxy that perdure dev runs for the folder, as text and as JSON", async (t) => {
  const place = new CartFolder();
  const dev = new PerdureProcess(
    ["dev", "--dir", "cart", "--http-port", "0", "--no-types", "--no-watch"],
    place.folder,
  );
  t.teardown(async () => {
    dev.signal("SIGKILL");
    await dev.exit();
    place.remove();
  });
  const [, url = ""] = await dev.find(/^ready (http:\S+)$/);
  t.is((await fetch(`${url}/carts/ann`)).status, 200);

  const shown = await inspect(place.folder, ["--dir", "cart"]);
  t.is(shown.code, 0, shown.text);
  t.regex(shown.text, /^entities\n {2}inMemory +1$/m);
  t.regex(shown.text, /com\.example\.shoppingcart\.ShoppingCart\.GetCart +shopping-cart\/ann/);

  const json = await inspect(place.cart, ["--json"]);
  t.is(json.code, 0, json.text);
  const report = JSON.parse(json.text) as { admin: { port: number }; entities: { inMemory: number } };
  t.is(report.entities.inMemory, 1);

  const shards = await perdure(place.folder, ["shards", "--dir", "cart"]);
  const sentence =
    "This proxy is alone, without a cluster, and owns all 1024 shards: its log is not on NATS.";
  t.deepEqual(shards, { code: 0, text: sentence });
  const byFormat = await perdure(place.cart, ["shards", "--format", "json"]);
  t.like(JSON.parse(byFormat.text), { state: "alone", all: 1_024 });

  const port = String(report.admin.port);
  const elsewhere = temporaryFolder(t);
  t.is((await inspect(elsewhere, ["--admin-port", port])).code, 0);
  t.is((await inspect(elsewhere, [], { ADMIN_PORT: port })).code, 0);
});

/** Answers every request in this way, and with the secret that came. */
async function stranger(t: ExecutionContext, status: number, code: string, text: string): Promise<string> {
  const server = createServer(({ headers }, response) => {
    const secret = String(headers["perdure-drain-secret"] ?? "none");
    response.writeHead(status, code === "" ? {} : { "perdure-error-code": code }).end(`${text}${secret}`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => server.close());
  return String((server.address() as AddressInfo).port);
}

test("where no proxy answers, or something else does, it says so with exit code 1", async (t) => {
  const folder = temporaryFolder(t);
  const free = String(await freePort("127.0.0.1", systemRandom));
  const none = await inspect(folder, ["--admin-port", free]);
  t.is(none.code, 1);
  t.regex(
    none.text,
    new RegExp(`^perdure: no proxy answers on 127\\.0\\.0\\.1:${free} \\(.*ECONNREFUSED.*--admin-port`),
  );
  t.regex(none.text, /kubectl port-forward/);

  const other = await inspect(folder, ["--admin-port", await stranger(t, 404, "", "<html>")]);
  t.is(other.code, 1);
  t.regex(other.text, /^perdure: what listens on 127\.0\.0\.1:\d+ gives no report: status 404$/);

  const old = await stranger(t, 404, "ADMIN_UNKNOWN_PATH", "there are /livez, secret ");
  const early = await inspect(folder, ["--admin-port", old]);
  t.is(early.code, 1);
  t.regex(
    early.text,
    /there are \/livez, secret none \(ADMIN_UNKNOWN_PATH\); the proxy is older than `perdure inspect`/,
  );
  const shards = await perdure(folder, ["shards", "--admin-port", old]);
  t.is(shards.code, 1);
  t.regex(shards.text, /; the proxy is older than `perdure shards`, or starts still$/);
});

test("it sends the secret of the pod, without which no entity is named", async (t) => {
  const port = await stranger(t, 200, "", "");
  const env = { ADMIN_PORT: port, PERDURE_DRAIN_SECRET: "0123456789abcdef" };
  t.like(await inspect(temporaryFolder(t), [], env), { code: 0, text: "0123456789abcdef" });
});

test("wrong usage is told, with exit code 2", async (t) => {
  const folder = temporaryFolder(t);
  for (const [args, text] of [
    [["--admin-port", "x"], /the admin port must be from 1 to 65535, not "x"/],
    [["--admin-port", "65536"], /not "65536"/],
    [["cart"], /too many arguments/],
    [["--format", "yaml"], /'yaml' is invalid[^]*text, json/],
    [["--watch"], /unknown option '--watch'[^]*perdure inspect --help/],
  ] as const) {
    const wrong = await inspect(folder, args);
    t.is(wrong.code, 2, wrong.text);
    t.regex(wrong.text, text);
  }
  const help = await inspect(folder, ["--help"]);
  t.is(help.code, 0);
  t.regex(help.text, /^Examples:\n/);
  t.regex(help.text, /Exit codes: 0 shown/);
  t.regex((await perdure(folder, ["shards", "--help"])).text, /^Examples:\n[^]*\n\nExit codes: 0 shown/);
  t.regex((await perdure(folder, ["shards", "--watch"])).text, /perdure shards --help/);
});
