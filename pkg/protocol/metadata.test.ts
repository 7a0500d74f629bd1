// SPDX-License-Identifier: Apache-2.0

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import test from "ava";

import { MetadataSchema } from "./gen/cloudstate/entity_pb.ts";
import { metadataMessage, NO_METADATA, readMetadata } from "./metadata.ts";

test("texts and bytes go to a message and back, in order, with names that come twice", (t) => {
  const metadata = [
    { key: "a", value: "1" },
    { key: "B", value: "" },
    { key: "a", value: Uint8Array.of(0, 255) },
  ];
  const bytes = toBinary(MetadataSchema, metadataMessage(metadata));
  t.deepEqual(readMetadata(fromBinary(MetadataSchema, bytes)), metadata);
});

test("none at all is the shared nothing, and an entry without a value is left out", (t) => {
  t.is(readMetadata(undefined), NO_METADATA);
  t.is(readMetadata(create(MetadataSchema)), NO_METADATA);
  t.deepEqual(readMetadata(create(MetadataSchema, { entries: [{ key: "a" }] })), []);
});
