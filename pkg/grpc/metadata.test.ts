// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import { Metadata } from "./metadata.ts";
import { appendMetadata, flattenHeaders, readMetadata } from "./metadata-headers.ts";

const textName = fc.stringMatching(/^x[a-z0-9_.-]{0,10}$/).filter((name) => !name.endsWith("-bin"));
const textValue = fc.stringMatching(/^[\x20-\x7e]{0,20}$/).map((value) => value.trim());
const pair = fc.oneof(
  fc.tuple(textName, textValue),
  fc.tuple(
    textName.map((name) => `${name}-bin`),
    fc.uint8Array({ maxLength: 20 }),
  ),
);

function plain(metadata: Metadata): (string | number[])[][] {
  return [...metadata].map(([name, value]) => [name, typeof value === "string" ? value : [...value]]);
}

test("metadata comes back from headers as it went in, with all values of a name", (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.array(pair, { maxLength: 10 }), (pairs) => {
        const metadata = Metadata.of(pairs);
        const headers: string[] = [];
        appendMetadata(headers, metadata, 100_000);
        t.deepEqual(plain(readMetadata(headers)), plain(metadata));
      }),
    ),
  );
});

test("blanks at the edges of a text are no part of it, as gRPC has it", (t) => {
  const headers: string[] = [];
  appendMetadata(headers, Metadata.of([["x-a", "  a b "]]), 1_000);
  t.deepEqual(headers, ["x-a", "a b"]);
  t.deepEqual(plain(readMetadata(["x-a", " a b\t"])), [["x-a", "a b"]]);
});

test("what belongs to HTTP and to gRPC is not metadata", (t) => {
  const own = ["grpc-status-details-bin", "AQI", "user-agent", "me", "x-a", "1", "x-a", "2"];
  const others = [":path", "/x", "te", "trailers", "content-type", "application/grpc", "grpc-timeout", "1S"];
  const read = readMetadata([...others, ...own, "perdure-error-code", "X"]);
  t.deepEqual(plain(read), [
    ["grpc-status-details-bin", [1, 2]],
    ["user-agent", "me"],
    ["x-a", "1"],
    ["x-a", "2"],
  ]);
  for (const name of [":path", "grpc-timeout", "te", "Upper", "", "with space"]) {
    t.throws(() => new Metadata().add(name, "1"), { code: "BAD_METADATA" });
  }
});

test("bytes need a -bin name, texts another, and texts are printable ASCII", (t) => {
  t.throws(() => new Metadata().set("x-bin", "text"), { code: "BAD_METADATA" });
  t.throws(() => new Metadata().set("x", new Uint8Array(1)), { code: "BAD_METADATA" });
  t.throws(() => new Metadata().set("x", "line\nbreak"), { code: "BAD_METADATA" });
});

test("binary values are read with and without padding, and when they were joined", (t) => {
  const read = readMetadata(["x-bin", "AQ==, AgM", "x-bin", "BA"]);
  t.deepEqual(
    read.getAll("x-bin").map((value) => [...(value as Uint8Array)]),
    [[1], [2, 3], [4]],
  );
});

test("metadata that is too large is not sent (I11)", (t) => {
  const metadata = Metadata.of([["x-long", "v".repeat(1_000)]]);
  t.throws(() => appendMetadata([], metadata, 1_000), { code: "METADATA_TOO_LARGE" });
});

test("names have values that can be replaced, listed and taken away", (t) => {
  const metadata = Metadata.of([
    ["a", "1"],
    ["a", "2"],
  ]);
  t.is(metadata.size, 2);
  t.is(metadata.getText("a"), "1");
  metadata.set("a", "3");
  t.deepEqual(metadata.getAll("a"), ["3"]);
  metadata.delete("a");
  t.is(metadata.get("a"), undefined);
  t.is(metadata.getText("x-bin"), undefined);
});

test("headers that came as an object read like a list", (t) => {
  const flat = flattenHeaders({ ":path": "/x", "set-cookie": ["a", "b"], "x-a": "1" });
  t.deepEqual(flat, [":path", "/x", "set-cookie", "a", "set-cookie", "b", "x-a", "1"]);
});
