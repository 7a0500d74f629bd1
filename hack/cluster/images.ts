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

/** An image around one program. */
interface ProgramImage {
  readonly name: string;
  readonly program: (paths: ClusterPaths) => string;
  readonly at: string;
  readonly user?: string;
}

const IMPORT_TIMEOUT_MS = 120_000;

/** The user that Kourier's manifests give Envoy. */
const ENVOY_USER = "65534:65534";

const SERVING = ["controller", "activator", "autoscaler", "webhook", "queue"].map(
  (name) => `serving-${name}`,
);
const EVENTING = [
  "controller",
  "webhook",
  "mtchannel_broker",
  "broker-ingress",
  "broker-filter",
  "in_memory-channel_controller",
  "in_memory-channel_dispatcher",
].map((name) => `eventing-${name}`);

/**
 * The image's name in config/nats. Our image takes the place of the one on Docker Hub: the same program at the same
 * path.
 */
const NATS_IMAGE = "docker.io/library/nats:2.14.9-alpine";

export const PAUSE_IMAGE = localName("pause");

/** The name in the cluster of the image with this program. */
function localName(program: string): string {
  return `${LOCAL_REGISTRY}/${program}:1`;
}

/** All that the cluster itself runs, those first which are needed first. */
function programImages(extras: readonly Extra[]): ProgramImage[] {
  const programs = [
    "pause",
    ...SERVING,
    "kourier",
    ...(extras.includes("eventing") ? EVENTING : []),
    "hello",
  ];
  const envoy = {
    name: localName("envoy"),
    program: envoyProgram,
    at: "/usr/local/bin/envoy",
    user: ENVOY_USER,
  };
  const nats = { ...builtImage("nats-server"), name: NATS_IMAGE, at: "/usr/local/bin/nats-server" };
  return [...programs.map(builtImage), envoy, nats];
}

function builtImage(program: string): ProgramImage {
  return { name: localName(program), program: ({ bin }) => join(bin, program), at: "/app" };
}

/** Writes the archive of each image that has none yet, or whose program is newer. */
export async function makeImages(paths: ClusterPaths, extras: readonly Extra[]): Promise<void> {
  mkdirSync(paths.images, { recursive: true });
  for (const { name, program, at, user } of programImages(extras)) {
    const out = archiveOf(paths, name);
    const from = program(paths);
    const made = statSync(out, { throwIfNoEntry: false });
    if (made !== undefined && made.mtimeMs > statSync(from).mtimeMs) continue;
    await writeImage({
      name,
      out,
      libraries: true,
      files: [{ from, to: at }],
      entrypoint: [at],
      ...(user !== undefined && { user }),
    });
  }
}

/** Imports into containerd the images that it does not have, or has in another version. */
export async function importImages(paths: ClusterPaths, extras: readonly Extra[]): Promise<void> {
  const { stdout } = await ctr(paths, ["images", "list"]);
  const present = new Map(
    stdout
      .split("\n")
      .map((line) => line.split(/\s+/))
      .map(([name = "", , digest]) => [name, digest]),
  );
  for (const { name } of programImages(extras)) {
    const archive = archiveOf(paths, name);
    const { images } = await readContents(archive);
    if (images.some((image) => present.get(image.name) !== image.digest)) await importArchive(paths, archive);
  }
}

/**
 * Imports the images of an archive into the cluster, in place of any images with the same names. Pods that already
 * run are not changed.
 *
 * @returns the names of the images.
 */
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
