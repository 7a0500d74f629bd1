// SPDX-License-Identifier: Apache-2.0

/** The table of values against Go's protojson: what each row expects is what protobuf's own implementation does. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import { fromBinary, toJson } from "@bufbuild/protobuf";
import test from "ava";

import { descriptorSet } from "../protocol/mod.ts";

import { goDependency } from "../../test/lib/go-tool.ts";
import { stringifyWithSigns } from "./json/written-numbers.ts";
import { bytesOf, every, spec } from "./testdata/value-places.ts";
import { REFUSED, TAKEN } from "./testdata/value-rows.ts";

const FOLDER = join(import.meta.dirname, "../../test/interop/protojson");

interface Answer {
  /** The message in base64. Absent if the message is empty. */
  readonly bytes?: string;
  readonly json?: string;
  readonly error?: string;
}

/** Returns how Go's protojson reads and writes each text. */
async function ask(program: string, texts: readonly string[]): Promise<Answer[]> {
  const folder = mkdtempSync(join(tmpdir(), "perdure-protojson-"));
  try {
    const file = join(folder, "types.binpb");
    writeFileSync(file, descriptorSet(spec.descriptors));
    const child = spawn(program, [file], { stdio: ["pipe", "pipe", "inherit"] });
    const exited = once(child, "exit");
    child.stdin.end(texts.map((json) => `${JSON.stringify({ type: every.typeName, json })}\n`).join(""));
    const lines = (await text(child.stdout)).trim().split("\n");
    await exited;
    return lines.map((line) => JSON.parse(line) as Answer);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * The message as one text. The bytes are not compared, because there are several ways to write a zero in an `Any`,
 * and several NaNs.
 */
function shown(bytes: Uint8Array): string {
  return stringifyWithSigns(toJson(every, fromBinary(every, bytes), { registry: spec.descriptors.registry }));
}

test("Go's protojson takes, makes and writes what the table says", async (t) => {
  t.timeout(700_000, "building for the first time takes minutes");
  const built = await goDependency({ folder: FOLDER, package: "perdure.dev/interop/protojson" });
  if (built.kind === "missing") {
    console.log(`protojson test skipped: ${built.reason}`);
    t.pass();
    return;
  }
  const taken = await ask(
    built.path,
    TAKEN.map(({ json }) => `{${json}}`),
  );
  t.is(taken.length, TAKEN.length);
  const complaints: string[] = [];
  for (const [index, row] of TAKEN.entries()) {
    const { error, bytes = "", json = "" } = taken[index] as Answer;
    if (error !== undefined) complaints.push(`${row.json}: Go refuses it: ${error}`);
    else if (shown(Buffer.from(bytes, "base64")) !== shown(bytesOf(row.message)))
      complaints.push(`${row.json}: Go makes another message of it: ${json}`);
    else if (!json.includes(row.written))
      complaints.push(`${row.json}: Go does not write ${row.written}: ${json}`);
  }
  const rows = REFUSED.filter(({ json }) => json !== undefined);
  const refused = await ask(
    built.path,
    rows.map(({ json }) => `{${json}}`),
  );
  for (const [index, row] of rows.entries()) {
    const isRefused = refused[index]?.error !== undefined;
    if (isRefused === (row.unlikeGo !== undefined))
      complaints.push(
        `${row.json}: Go ${isRefused ? "refuses" : "takes"} it; ${row.unlikeGo ?? "we do not"}`,
      );
  }
  t.is(complaints.length, 0, complaints.slice(0, 20).join("\n"));
});
