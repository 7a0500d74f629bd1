// SPDX-License-Identifier: Apache-2.0

import { globSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import test from "ava";

import { httpClient } from "../../test/lib/http-client.ts";
import { logKinds } from "../../test/lib/log-kinds.ts";
import { startOtlpReceiver } from "../../test/lib/otlp-receiver.ts";
import { startProcess, startProxyProcess, temporaryFolder } from "../../test/lib/processes.ts";
import { until } from "../../test/lib/until.ts";
import { bundle } from "./bundle.ts";
import { programOf } from "./programs.ts";

const PEN = { productId: "p1", name: "Pen", quantity: 2 };

/** A folder outside of the repository, so that a bundle cannot find packages that it does not contain. */
const folder = mkdtempSync(join(tmpdir(), "perdure-bundle-"));
test.after.always(() => rmSync(folder, { recursive: true }));

test.before(async () => {
  for (const name of ["proxy", "shopping-cart"]) await bundle(programOf(name).entry, join(folder, name));
});

for (const kind of logKinds) {
  kind.test(`${kind.name}: the bundled proxy serves the bundled cart`, async (t) => {
    const { address } = await kind.open(t);
    const cart = startProcess(t, join(folder, "shopping-cart", "main.mjs"), { PORT: 0 });
    const port = await cart.line("its port", (line) => /serves its proxy on .*:(\d+)$/.exec(line)?.[1]);
    const env = { PERDURE_LOG: address, USER_FUNCTION_PORT: port };
    const proxy = await startProxyProcess(t, env, { main: join(folder, "proxy", "main.mjs") });
    await proxy.ready();
    const http = httpClient(proxy.port);
    t.teardown(() => http.close());
    t.like(await http.call("/cart/ann/items/add", { body: PEN }), { status: 200, body: "{}" });
    t.deepEqual(JSON.parse((await http.call("/carts/ann")).body), { items: [PEN] });
    // Large enough for the thread that converts JSON, in both directions.
    const long = { ...PEN, name: "x".repeat(100_000) };
    t.like(await http.call("/cart/bob/items/add", { body: long }), { status: 200, body: "{}" });
    t.deepEqual(JSON.parse((await http.call("/carts/bob")).body), { items: [long] });
    t.deepEqual(await proxy.kill("SIGTERM"), { code: 0, signal: null });
  });
}

test("a bundle is one file, one for each thread and each part that comes later, and the licences of all that is in them", (t) => {
  const files = readdirSync(join(folder, "proxy")).filter((name) => !name.endsWith(".map"));
  t.deepEqual(files.sort(), [
    "LICENSES.txt",
    "json-worker.mjs",
    "main.mjs",
    "otlp-metrics.later.mjs",
    "otlp.later.mjs",
    "package.json",
    "writer-worker.mjs",
  ]);
  const licences = readFileSync(join(folder, "proxy", "LICENSES.txt"), "utf8");
  t.regex(licences, /^perdure \S+ - Apache-2\.0$/m);
  t.regex(licences, /^pino \S+ - MIT$/m);
  t.regex(licences, /^@nats-io\/jetstream \S+ - Apache-2\.0$/m);
  t.regex(licences, /^@opentelemetry\/otlp-grpc-exporter-base \S+ - Apache-2\.0$/m);
  t.notRegex(licences, /^typescript /m);
  t.like(JSON.parse(readFileSync(join(folder, "shopping-cart", "package.json"), "utf8")), {
    name: "shopping-cart",
  });
});

test("the bundled proxy sends spans by packages that its main file does not contain", async (t) => {
  t.notRegex(readFileSync(join(folder, "proxy", "main.mjs"), "utf8"), /OTLPTraceExporter/);
  const receiver = await startOtlpReceiver(t);
  const env = {
    PERDURE_LOG: "memory:",
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.port}`,
    OTEL_BSP_SCHEDULE_DELAY: 50,
  };
  const proxy = await startProxyProcess(t, env, { main: join(folder, "proxy", "main.mjs") });
  await until("a span has arrived", () => receiver.spans.length > 0);
  t.deepEqual(await proxy.kill("SIGTERM"), { code: 0, signal: null });
  t.true(receiver.spans.some(({ name }) => name === "start"));
});

test("equal sources give equal bytes", async (t) => {
  const again = temporaryFolder(t);
  await bundle(programOf("proxy").entry, again);
  for (const file of globSync("*.{mjs,txt,json}", { cwd: again })) {
    t.deepEqual(readFileSync(join(again, file)), readFileSync(join(folder, "proxy", file)), file);
  }
});
