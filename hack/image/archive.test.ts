// SPDX-License-Identifier: Apache-2.0

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { ExecutionContext } from "ava";
import test from "ava";
import { list } from "tar";

import type { ImageOptions } from "./archive.ts";
import { writeImage } from "./archive.ts";
import { readContents } from "./contents.ts";
import { parseLdd, sharedLibraries } from "./libraries.ts";
import { fileName, fullName } from "./name.ts";
import { readTarSpans } from "./tar.ts";

interface Config {
  readonly architecture: string;
  readonly config: { readonly User: string; readonly Env: readonly string[]; readonly Entrypoint: string[] };
  readonly rootfs: { readonly diff_ids: readonly string[] };
}

interface Manifest {
  readonly config: { readonly digest: string };
  readonly layers: ReadonlyArray<{ readonly digest: string; readonly size: number }>;
}

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), "perdure-image-"));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** An image of a script and a folder with one file. */
async function scriptImage(t: ExecutionContext, options: Partial<ImageOptions> = {}): Promise<string> {
  const place = folder(t);
  const script = join(place, "run.sh");
  writeFileSync(script, "#!/bin/sh\n");
  chmodSync(script, 0o700);
  mkdirSync(join(place, "data", "deep"), { recursive: true });
  writeFileSync(join(place, "data", "deep", "file.txt"), "text");
  const out = join(place, "image.tar");
  await writeImage({
    name: "dev.local/script",
    files: [
      { from: join(place, "data"), to: "/srv" },
      { from: script, to: "/app/run" },
    ],
    libraries: false,
    entrypoint: ["/app/run", "now"],
    out,
    ...options,
  });
  return out;
}

async function blobOf(archive: string, digest: string): Promise<Buffer> {
  const span = (await readContents(archive)).blobs.get(digest);
  if (span === undefined) throw new Error(`no blob ${digest}`);
  const bytes = readFileSync(archive).subarray(span.offset, span.offset + span.sizeBytes);
  return bytes;
}

async function open(archive: string): Promise<{ manifest: Manifest; config: Config; layer: Buffer }> {
  const { images } = await readContents(archive);
  const manifest = JSON.parse((await blobOf(archive, images[0]?.digest ?? "")).toString()) as Manifest;
  const config = JSON.parse((await blobOf(archive, manifest.config.digest)).toString()) as Config;
  return { manifest, config, layer: await blobOf(archive, manifest.layers[0]?.digest ?? "") };
}

async function namesAndModes(t: ExecutionContext, layer: Buffer): Promise<Record<string, string>> {
  const file = join(folder(t), "layer.tar");
  writeFileSync(file, layer);
  const found: Record<string, string> = {};
  await list({ file, onReadEntry: (entry) => (found[entry.path] = (entry.mode ?? 0).toString(8)) });
  return found;
}

test("an archive holds what it names, under the digests of its bytes", async (t) => {
  const archive = await scriptImage(t);
  const { images, blobs } = await readContents(archive);
  t.is(blobs.size, 3);
  for (const digest of blobs.keys()) {
    const bytes = await blobOf(archive, digest);
    t.is(`sha256:${createHash("sha256").update(bytes).digest("hex")}`, digest);
  }
  t.deepEqual(
    images.map(({ name }) => name),
    ["dev.local/script:latest"],
  );
  const { manifest, config } = await open(archive);
  t.deepEqual(config.rootfs.diff_ids, [manifest.layers[0]?.digest]);
});

test("the layer holds files and folders with plain modes, parents first, whatever the modes were here", async (t) => {
  const { layer } = await open(await scriptImage(t));
  t.deepEqual(await namesAndModes(t, layer), {
    "app/": "755",
    "app/run": "755",
    "etc/": "755",
    "etc/group": "644",
    "etc/nsswitch.conf": "644",
    "etc/passwd": "644",
    "srv/": "755",
    "srv/deep/": "755",
    "srv/deep/file.txt": "644",
    "tmp/": "1777",
  });
});

test("an image does not run as root unless it is told to", async (t) => {
  const standard = await open(await scriptImage(t));
  t.is(standard.config.config.User, "65532:65532");
  const told = await open(await scriptImage(t, { user: "0:0", env: { MODE: "test" } }));
  t.is(told.config.config.User, "0:0");
  t.deepEqual(told.config.config.Env, ["PATH=/usr/local/bin:/usr/bin:/bin", "MODE=test"]);
  t.deepEqual(told.config.config.Entrypoint, ["/app/run", "now"]);
});

test("equal input gives equal bytes", async (t) => {
  const [first, second] = [await scriptImage(t), await scriptImage(t)];
  t.true(readFileSync(first).equals(readFileSync(second)));
});

test("docker's manifest names the same blobs", async (t) => {
  const archive = await scriptImage(t, { name: "dev.local/script:2" });
  const span = (await readTarSpans(archive)).find(({ path }) => path === "manifest.json");
  const bytes = readFileSync(archive).subarray(span?.offset, (span?.offset ?? 0) + (span?.sizeBytes ?? 0));
  const { manifest } = await open(archive);
  t.deepEqual(JSON.parse(bytes.toString()), [
    {
      Config: `blobs/${manifest.config.digest.replace(":", "/")}`,
      RepoTags: ["dev.local/script:2"],
      Layers: [`blobs/${manifest.layers[0]?.digest.replace(":", "/")}`],
    },
  ]);
});

test("a program that is linked dynamically brings its libraries and its loader", async (t) => {
  const program = realpathSync(process.execPath);
  const libraries = await sharedLibraries(program);
  t.true(libraries.some((path) => path.endsWith("/libc.so.6")));
  t.true(libraries.some((path) => path.includes("/ld-linux")));
  const files = [{ from: program, to: "/usr/local/bin/node" }];
  const { layer } = await open(await scriptImage(t, { files, libraries: true }));
  const names = Object.keys(await namesAndModes(t, layer));
  for (const path of libraries) t.true(names.includes(path.slice(1)), path);
});

test("a script has no libraries, and what ldd does not find is told", async (t) => {
  const script = join(folder(t), "script");
  writeFileSync(script, "#!/bin/sh\n");
  t.deepEqual(await sharedLibraries(script), []);
  const output = [
    "\tlinux-vdso.so.1 (0x00007ffd)",
    "\tlibgone.so.1 => not found",
    "\tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f2a)",
    "\t/lib64/ld-linux-x86-64.so.2 (0x00007f2b)",
  ].join("\n");
  t.deepEqual(parseLdd(output), {
    paths: ["/lib/x86_64-linux-gnu/libm.so.6", "/lib64/ld-linux-x86-64.so.2"],
    missing: ["libgone.so.1"],
  });
});

test("a missing file leaves no archive behind", async (t) => {
  const out = join(folder(t), "image.tar");
  const files = [{ from: "/nonexistent", to: "/app" }];
  await t.throwsAsync(scriptImage(t, { files, out }), { message: /nonexistent/ });
  t.throws(() => readFileSync(out), { code: "ENOENT" });
});

test("what is no image archive is refused with what would be one", async (t) => {
  const text = join(folder(t), "text.tar");
  writeFileSync(text, "not an archive");
  await t.throwsAsync(readContents(text), { message: /is not a tar archive/ });
  writeFileSync(text, Buffer.alloc(1024));
  await t.throwsAsync(readContents(text), { message: /not an OCI image layout; docker save/ });
});

test("a name without a tag is latest, a port is no tag", (t) => {
  t.is(fullName("dev.local/cart"), "dev.local/cart:latest");
  t.is(fullName("localhost:5000/cart"), "localhost:5000/cart:latest");
  t.is(fullName("dev.local/cart:2"), "dev.local/cart:2");
  t.is(fullName("dev.local/cart@sha256:00"), "dev.local/cart@sha256:00");
  t.is(fileName("dev.local/cart"), "dev.local_cart_latest");
});

test("an image takes the place of a file, by a link too, and of nothing else", async (t) => {
  const place = folder(t);
  const [file, link, fifo] = [join(place, "file.tar"), join(place, "link.tar"), join(place, "fifo.tar")];
  writeFileSync(file, "old");
  symlinkSync("file.tar", link);
  t.is(spawnSync("mkfifo", [fifo]).status, 0);
  await scriptImage(t, { out: link });
  t.true(lstatSync(link).isSymbolicLink());
  t.not(readFileSync(file, "utf8"), "old");
  for (const out of [fifo, place]) {
    await t.throwsAsync(scriptImage(t, { out }), {
      message: `${out} is no regular file, so no image is written there`,
    });
  }
  t.true(lstatSync(fifo).isFIFO());
});
