// SPDX-License-Identifier: Apache-2.0

import { copyFileSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join, resolve } from "node:path";

import { writeImage } from "../image/archive.ts";
import { readContents } from "../image/contents.ts";
import { fileName } from "../image/name.ts";
import { LOCAL_REGISTRY } from "./addresses.ts";
import { ctr } from "./containerd.ts";
import { envoyProgram } from "./packages.ts";
import type { ClusterPaths } from "./paths.ts";
import type { Extra } from "./programs.ts";
import { programsWith } from "./programs.ts";

const IMPORT_TIMEOUT_MS = 120_000;

/** The user that Kourier's manifests give Envoy. */
const ENVOY_USER = "65534:65534";

/** The programs that run in the cluster, each in an image of its own. */
const IN_THE_CLUSTER = /^(pause|hello|kourier|serving-.*|eventing-.*)$/;

/** As config/nats names it. Ours takes the place of that on Docker Hub: the same program at the same path. */
const NATS_IMAGE = "docker.io/library/nats:2.14.9-alpine";

/** The same of Jaeger, as config/monitoring/jaeger names it. */
const JAEGER_IMAGE = "docker.io/jaegertracing/jaeger:2.13.0";

export const PAUSE_IMAGE = localName("pause");

/** The name in the cluster of the image with this program. */
function localName(program: string): string {
  return `${LOCAL_REGISTRY}/${program}:1`;
}

/** An image around one program, which is `at` this path in it. */
interface ProgramImage {
  readonly name: string;
  readonly program: string;
  readonly at: string;
  readonly user?: string;
}

function programImages(paths: ClusterPaths, extras: readonly Extra[]): ProgramImage[] {
  const built = programsWith(extras).filter(({ name }) => IN_THE_CLUSTER.test(name));
  const folder = "/usr/local/bin";
  const jaeger = { name: JAEGER_IMAGE, program: join(paths.bin, "jaeger"), at: "/cmd/jaeger/jaeger-linux" };
  return [
    ...built.map(({ name }) => ({ name: localName(name), program: join(paths.bin, name), at: "/app" })),
    { name: localName("envoy"), program: envoyProgram(paths), at: `${folder}/envoy`, user: ENVOY_USER },
    { name: NATS_IMAGE, program: join(paths.bin, "nats-server"), at: `${folder}/nats-server` },
    ...(extras.includes("jaeger") ? [jaeger] : []),
  ];
}

/** Writes the archive of each image that has none yet, or whose program is newer. */
export async function makeImages(paths: ClusterPaths, extras: readonly Extra[]): Promise<void> {
  mkdirSync(paths.images, { recursive: true });
  for (const { program, at, ...image } of programImages(paths, extras)) {
    const out = archiveOf(paths, image.name);
    const made = statSync(out, { throwIfNoEntry: false });
    if (made !== undefined && made.mtimeMs > statSync(program).mtimeMs) continue;
    const files = [{ from: program, to: at }];
    await writeImage({ ...image, out, libraries: true, files, entrypoint: [at] });
  }
}

/** Imports into containerd the images that it does not have, or has in another version. */
export async function importImages(paths: ClusterPaths, extras: readonly Extra[]): Promise<void> {
  const { stdout } = await ctr(paths, ["images", "list"]);
  const rows = stdout.split("\n").map((line) => line.split(/\s+/));
  const present = new Map(rows.map(([name = "", , digest]) => [name, digest]));
  for (const { name } of programImages(paths, extras)) {
    const archive = archiveOf(paths, name);
    const { images } = await readContents(archive);
    if (images.some((image) => present.get(image.name) !== image.digest)) await importArchive(paths, archive);
  }
}

/** Imports an archive's images in place of any with the same names, and returns the names. Running pods stay. */
export async function loadArchive(paths: ClusterPaths, file: string): Promise<string[]> {
  const { images } = await readContents(file);
  const names = images.map(({ name }) => name);
  const target = archiveOf(paths, names[0] as string);
  if (resolve(file) !== target) {
    mkdirSync(paths.images, { recursive: true });
    const aside = `${target}.${process.pid}.part`;
    try {
      copyFileSync(file, aside);
      renameSync(aside, target);
    } finally {
      rmSync(aside, { force: true });
    }
  }
  await importArchive(paths, target);
  return names;
}

async function importArchive(paths: ClusterPaths, archive: string): Promise<void> {
  await ctr(paths, ["images", "import", archive], { timeoutMs: IMPORT_TIMEOUT_MS });
}

function archiveOf(paths: ClusterPaths, name: string): string {
  return join(paths.images, `${fileName(name)}.tar`);
}
