// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import { metadataFromWire, metadataToWire } from "./metadata.ts";
import { Metadata } from "./mod.ts";

test("keys are compared without case, and may occur more than once", (t) => {
  const metadata = Metadata.of([
    ["X-A", "1"],
    ["x-a", Uint8Array.of(2)],
    ["x-A", "3"],
  ]);
  t.is(metadata.get("x-a"), "1");
  t.deepEqual(metadata.getBytes("X-a"), Uint8Array.of(2));
  t.deepEqual(metadata.getAll("x-a"), ["1", Uint8Array.of(2), "3"]);
  t.true(metadata.has("X-A"));
  t.is(metadata.get("y"), undefined);
  t.is(Metadata.empty.getBytes("y"), undefined);
});

test("with and without give others, and leave it as it is", (t) => {
  const metadata = Metadata.of({ a: "1", b: ["2", "3"] });
  t.deepEqual(metadata.with("B", "4", "5").entries, [
    ["a", "1"],
    ["B", "4"],
    ["B", "5"],
  ]);
  t.deepEqual(metadata.without("A").entries, [
    ["b", "2"],
    ["b", "3"],
  ]);
  t.deepEqual(metadata.entries, [
    ["a", "1"],
    ["b", "2"],
    ["b", "3"],
  ]);
});

test("an entry that cannot be carried is refused", (t) => {
  const code = "BAD_METADATA";
  t.throws(() => Metadata.of({ "": "a" }), { code });
  // @ts-expect-error -- a number is no value.
  t.throws(() => Metadata.of([["a", 1]]), { code });
});

test("what is empty is not sent, since an empty message is something else than none", (t) => {
  t.is(metadataToWire(undefined), undefined);
  t.is(metadataToWire({}), undefined);
  t.is(metadataFromWire(undefined), Metadata.empty);
});

test("an event is read as it was written, whatever its attributes hold", (t) => {
  const text = fc.string({ unit: "grapheme", minLength: 1 });
  const event = fc.record(
    {
      id: text,
      source: text,
      type: text,
      specversion: fc.constant("1.0"),
      datacontenttype: fc.constant("application/json"),
      dataschema: text,
      subject: text,
      time: text,
      extensions: fc.dictionary(fc.stringMatching(/^x[a-z0-9]{1,8}$/), text),
    },
    { requiredKeys: ["id", "source", "type", "specversion", "extensions"] },
  );
  fc.assert(
    fc.property(event, (given) => {
      const wire = metadataToWire(Metadata.ofCloudEvent(given));
      t.true(wire?.entries.every(({ value }) => /^[\u0020-\u007e]*$/.test(String(value.value))));
      const { extensions, ...attributes } = metadataFromWire(wire).cloudEvent ?? { extensions: {} };
      t.deepEqual(
        { ...attributes, extensions: { ...extensions } },
        { ...given, extensions: { ...given.extensions } },
      );
    }),
  );
});

test("what is no event has none, and a value that is badly encoded is taken as it is", (t) => {
  t.is(Metadata.of({ "ce-id": "1", "ce-source": "/a", "ce-type": "b" }).cloudEvent, undefined);
  const event = Metadata.of({
    "CE-ID": "50%",
    "Ce-Source": "a%20b",
    "ce-type": "b",
    "ce-specversion": "1.0",
  });
  t.deepEqual(event.cloudEvent, { id: "50%", source: "a b", type: "b", specversion: "1.0", extensions: {} });
});
