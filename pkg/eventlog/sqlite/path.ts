// SPDX-License-Identifier: Apache-2.0

import type { Stats } from "node:fs";
import * as fs from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

import { EventLogError } from "../event-log.ts";
import { translateError } from "./sqlite-error.ts";

/** Suffixes of the files beside a log's file: SQLite's own files, the lock, and the draft of a new file. */
const BESIDE = ["-wal", "-shm", "-journal", "-lock", "-new", "-new-wal", "-new-shm", "-new-journal"] as const;

/** As many as Linux follows. */
const MAX_LINKS = 40;

/**
 * Resolves the symbolic links in the path of a log's file, because two names of one file would have two locks. Makes
 * the folder if it does not exist. A link to what does not exist yet is followed too, so that the file is made there.
 *
 * @throws EventLogError `LOG_UNUSABLE`, before anything is made or changed, if anything but a regular file is there.
 */
export function settlePath(path: string): string {
  try {
    const found = fs.statSync(path, { throwIfNoEntry: false });
    if (found !== undefined) checkRegular(path, found);
    const settled = found === undefined ? follow(path, MAX_LINKS) : fs.realpathSync(path);
    checkPlaces(settled);
    return settled;
  } catch (thrown) {
    throw translateError(thrown, path, "making its folder");
  }
}

/** @throws EventLogError `LOG_UNUSABLE` if the file does not exist or is empty. */
export function checkExists(path: string): void {
  let found: Stats | undefined;
  try {
    found = fs.statSync(path, { throwIfNoEntry: false });
  } catch (thrown) {
    throw translateError(thrown, path, "looking for it");
  }
  if (found !== undefined && (found.size > 0 || !found.isFile())) return;
  throw new EventLogError("LOG_UNUSABLE", `${path}: there is no log here`);
}

/**
 * Refuses anything but a regular file. Opening a FIFO would block without end, and renaming a new file into place
 * would replace whatever is there, for example a device of the machine.
 *
 * @throws EventLogError `LOG_UNUSABLE` if the file, or one beside it, is there and no regular file.
 */
export function checkPlaces(path: string): void {
  for (const place of [path, ...BESIDE.map((suffix) => path + suffix)]) {
    const found = fs.lstatSync(place, { throwIfNoEntry: false });
    if (found !== undefined) checkRegular(place, found);
  }
}

export function syncFile(path: string): void {
  const file = fs.openSync(path, "r");
  try {
    fs.fsyncSync(file);
  } finally {
    fs.closeSync(file);
  }
}

function follow(path: string, links: number): string {
  const place = join(followFolder(dirname(path), links), basename(path));
  const target = linkAt(place, links);
  return target === undefined ? place : follow(target, links - 1);
}

/** One by one: `recursive` never returns if the system answers `ENOENT` for a folder that it refuses to make. */
function followFolder(folder: string, links: number): string {
  if (fs.statSync(folder, { throwIfNoEntry: false }) !== undefined) return fs.realpathSync(folder);
  const parent = followFolder(dirname(folder), links);
  const place = join(parent, basename(folder));
  const target = linkAt(place, links);
  if (target !== undefined) return followFolder(target, links - 1);
  fs.mkdirSync(place, { mode: 0o700 });
  syncFile(parent);
  return place;
}

/** Where a symbolic link leads; undefined if there is none. */
function linkAt(place: string, links: number): string | undefined {
  if (fs.lstatSync(place, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return undefined;
  if (links === 0) throw new EventLogError("LOG_UNUSABLE", `${place}: more than ${MAX_LINKS} symbolic links`);
  return resolve(dirname(place), fs.readlinkSync(place));
}

function checkRegular(path: string, found: Stats): void {
  if (found.isFile()) return;
  const text = `${path}: this is ${kindOf(found)}, and a log is made of regular files; nothing was changed; choose another path`;
  throw new EventLogError("LOG_UNUSABLE", text);
}

function kindOf(found: Stats): string {
  if (found.isDirectory()) return "a folder";
  if (found.isFIFO()) return "a FIFO";
  if (found.isSocket()) return "a socket";
  if (found.isSymbolicLink()) return "a symbolic link";
  return found.isCharacterDevice() || found.isBlockDevice() ? "a device" : "no regular file";
}
