// SPDX-License-Identifier: Apache-2.0

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

import test from "ava";
import { extract, list } from "tar";

import { programOf } from "../bundle/programs.ts";
import { writeImage } from "./archive.ts";
import { readContents } from "./contents.ts";
import { ENTRYPOINT, ENVIRONMENT, libraryLicences, programFiles } from "./program-image.ts";
import type { TarSpan } from "./tar.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const UP_TIMEOUT_MS = 30_000;

const folder = mkdtempSync(join(tmpdir(), "perdure-image-"));
test.after.always(() => rmSync(folder, { recursive: true }));

const archive = join(folder, "proxy.tar");
let config: Record<string, unknown>;
let layer: TarSpan;

test.before(async () => {
  const work = join(folder, "work");
  mkdirSync(work);
  const program = programOf("proxy");
  const files = [...(await programFiles(program, work)), ...libraryLicences()];
  await writeImage({
    name: program.image,
    files,
    libraries: true,
    entrypoint: ENTRYPOINT,
    env: ENVIRONMENT,
    out: archive,
  });
  const { images, blobs } = await readContents(archive);
  const blob = (digest: string | undefined): TarSpan => {
    const span = blobs.get(digest ?? "");
    if (span === undefined) throw new Error(`no blob ${digest}`);
    return span;
  };
  const bytes = readFileSync(archive);
  const json = ({ offset, sizeBytes }: TarSpan): unknown =>
    JSON.parse(bytes.subarray(offset, offset + sizeBytes).toString());
  const manifest = json(blob(images[0]?.digest)) as {
    config: { digest: string };
    layers: { digest: string }[];
  };
  config = (json(blob(manifest.config.digest)) as { config: Record<string, unknown> }).config;
  layer = blob(manifest.layers[0]?.digest);
});

/** The bytes of the layer, which are a tar archive. */
function layerBytes() {
  return createReadStream(archive, { start: layer.offset, end: layer.offset + layer.sizeBytes - 1 });
}

test("the image has the program, Node and its libraries, compiled code, licences, and no shell", async (t) => {
  const modes = new Map<string, number>();
  await pipeline(layerBytes(), list({ onReadEntry: ({ path, mode }) => void modes.set(path, mode ?? 0) }));
  const paths = [...modes.keys()];
  const app = paths.filter((path) => path.startsWith("app/") && !path.startsWith("app/cache/"));
  t.deepEqual(app, [
    "app/",
    "app/LICENSES.txt",
    "app/json-worker.mjs",
    "app/main.mjs",
    "app/otlp-metrics.later.mjs",
    "app/otlp.later.mjs",
    "app/package.json",
    "app/writer-worker.mjs",
  ]);
  const cached = paths.filter((path) => /^app\/cache\/v24\.[\w.-]+-65532\/\w+$/.test(path));
  t.true(cached.length > 0);
  for (const path of cached) t.is(modes.get(path), 0o644, "another user than the one who made it reads it");
  t.true(paths.some((path) => path.endsWith("/libc.so.6")));
  t.true(paths.includes("usr/share/doc/node/LICENSE"));

  const runnable = paths.filter((path) => !path.endsWith("/") && ((modes.get(path) ?? 0) & 0o111) !== 0);
  t.deepEqual(
    runnable.filter((path) => !/\.so(\.\d+)*$/.test(path)),
    ["usr/local/bin/node"],
  );
  // Only /tmp is writable for other users.
  t.deepEqual(
    paths.filter((path) => ((modes.get(path) ?? 0) & 0o022) !== 0),
    ["tmp/"],
  );
});

test("it runs the program as a user without a name, and finds the compiled code", (t) => {
  t.like(config, { User: "65532:65532", Entrypoint: [...ENTRYPOINT], WorkingDir: "/" });
  t.deepEqual(config["Env"], [
    "PATH=/usr/local/bin:/usr/bin:/bin",
    "NODE_COMPILE_CACHE=/app/cache",
    "NODE_COMPILE_CACHE_PORTABLE=1",
    "MALLOC_MMAP_THRESHOLD_=1048576",
  ]);
});

test("the Dockerfile makes the same", (t) => {
  const lines = readFileSync(join(ROOT, "Dockerfile"), "utf8").split("\n");
  const last = lines.slice(lines.findLastIndex((line) => line.startsWith("FROM ")));
  const environment = Object.entries(ENVIRONMENT).map(([name, value]) => `ENV ${name}=${value}`);
  t.deepEqual(last.slice(1).filter(Boolean), [
    "COPY --from=build /image/ /",
    ...environment,
    `USER ${String(config["User"])}`,
    `WORKDIR ${String(config["WorkingDir"])}`,
    `ENTRYPOINT ${JSON.stringify(config["Entrypoint"]).replaceAll(",", ", ")}`,
  ]);
  t.true(lines.includes('RUN npm run -s image -- "$PROGRAM" --root /image'));
});

// Like a container, but without a runtime: the process sees only the files of the layer, and owns none of them.
const testAsRoot = process.getuid?.() === 0 ? test : test.skip;

testAsRoot("the proxy starts from the layer alone, with compiled code, and writes nothing", async (t) => {
  const root = join(folder, "root");
  mkdirSync(root);
  await pipeline(layerBytes(), extract({ cwd: root, preserveOwner: true }));
  const env = {
    ...ENVIRONMENT,
    NODE_DEBUG_NATIVE: "COMPILE_CACHE",
    HTTP_PORT: "0",
    ADMIN_PORT: "0",
    PERDURE_LOG: "memory:",
  };
  const child = spawn("chroot", ["--userspec=65532:65532", root, ...ENTRYPOINT], {
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: UP_TIMEOUT_MS,
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString();
    if (said.includes('"listening"')) child.kill("SIGTERM");
  });
  const [code] = (await once(child, "close")) as [number | null];
  t.is(code, 0, said);
  t.regex(said, /V8 code cache for ESM file:\/\/\/app\/main\.mjs was accepted/);
  t.notRegex(said, /writing cache for/);
});
