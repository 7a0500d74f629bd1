// SPDX-License-Identifier: Apache-2.0

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import test from "ava";

import {
  elsewhereNotePath,
  newestRun,
  readRunNote,
  removeRunNote,
  runNotePath,
  writeRunNote,
} from "./run-note.ts";

const folder = mkdtempSync(join(tmpdir(), "perdure-run-note-"));
test.after.always(() => rmSync(folder, { recursive: true }));

test("a note of one that runs is read, one of the dead is not", (t) => {
  const path = runNotePath(join(folder, "cart.db"));
  t.is(readRunNote(path), undefined);
  const note = { pid: process.pid, url: "http://127.0.0.1:9000", adminPort: 9_010 };
  writeRunNote(path, note);
  t.deepEqual(readRunNote(path), note);
  const { adminPort: _, ...early } = note;
  writeRunNote(path, early);
  t.deepEqual(readRunNote(path), early);
  const { pid } = spawnSync(process.execPath, ["-e", ""]);
  writeRunNote(path, { ...note, pid });
  t.is(readRunNote(path), undefined);
  removeRunNote(path);
  removeRunNote(path);
  t.is(readRunNote(path), undefined);
});

test("what is no note is none, and a folder that cannot be there does no harm", (t) => {
  const path = join(folder, "odd.run");
  const odd = ["", "{", "null", "7", '{"pid":"1","url":"http://x"}', '{"pid":-1,"url":"http://x"}'];
  odd.push(`{"pid":${process.pid},"url":"http://x","adminPort":"9010"}`);
  odd.push(`{"pid":${process.pid},"url":"http://x","adminPorts":{"dev-1":0}}`);
  for (const text of [...odd, `{"pid":${process.pid},"url":"http://x \\u001b[2J"}`]) {
    writeFileSync(path, text);
    t.is(readRunNote(path), undefined, text);
  }
  writeFileSync(join(folder, "file"), "");
  t.notThrows(() => writeRunNote(join(folder, "file/x.run"), { pid: 1, url: "http://x" }));
});

test("of two that run, the one that started last counts", (t) => {
  const [own, elsewhere] = [runNotePath(join(folder, ".perdure/shop.db")), elsewhereNotePath(folder, "shop")];
  const note = (port: number) => ({
    pid: process.pid,
    url: "http://127.0.0.1:9000",
    adminPort: port,
    adminPorts: { "dev-1": port, "dev-2": port + 1 },
  });
  t.is(newestRun([own, elsewhere]), undefined);
  writeRunNote(elsewhere, note(9_010));
  t.deepEqual(newestRun([own, elsewhere]), note(9_010));
  writeRunNote(own, note(9_020));
  for (const [older, newer, port] of [
    [own, elsewhere, 9_010],
    [elsewhere, own, 9_020],
  ] as const) {
    utimesSync(older, 1_000, 1_000);
    utimesSync(newer, 2_000, 2_000);
    t.is(newestRun([own, elsewhere])?.adminPort, port);
  }
});
