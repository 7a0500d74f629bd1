// SPDX-License-Identifier: Apache-2.0

/** JSON that a client gets and sends back unchanged becomes the same message, for every type of the test protos. */

import type { DescMessage } from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import test from "ava";
import * as fc from "fast-check";

import { systemClock } from "../base/mod.ts";
import { descriptorSet, NO_METADATA, readDescriptors } from "../protocol/mod.ts";
import type { UserFunctionSpec } from "../userfunction/mod.ts";

import { actionOf } from "../../test/lib/action-service.ts";
import { bySize } from "../../test/lib/by-size.ts";
import { arbitraryMessage, messagesOf } from "./testdata/arbitrary-message.ts";
import { heapSpec, librarySpec, valuesSpec } from "./testdata/library-spec.ts";
import { runEndpoint } from "./testdata/running-endpoint.ts";

/** Well-known types that stand for a message by themselves too. */
const WELL_KNOWN = [
  "Any",
  "BoolValue",
  "BytesValue",
  "DoubleValue",
  "Duration",
  "Empty",
  "FieldMask",
  "FloatValue",
  "Int32Value",
  "Int64Value",
  "ListValue",
  "StringValue",
  "Struct",
  "Timestamp",
  "UInt32Value",
  "UInt64Value",
  "Value",
].map((name) => `google.protobuf.${name}`);

const RUNS = bySize({ full: 60, short: 20 });

/** Numbers of 64 bits of `values.proto`, which callers may write without quotes. */
const QUOTED = /"((?:u?int|sint|s?fixed)64(?:One|Maybe|Chosen|Wrapped))":"(-?\d+)"/g;

/** A service with two methods for each message: one takes it, the other gives it. */
function specOf(base: UserFunctionSpec, packageName: string) {
  const { registry, fileBytes } = base.descriptors;
  const messages = messagesOf(registry, packageName, "google.protobuf.").filter(
    ({ typeName }) => typeName.startsWith(packageName) || WELL_KNOWN.includes(typeName),
  );
  const type = (desc: DescMessage): string => `.${desc.typeName}`;
  const file = create(FileDescriptorProtoSchema, {
    name: "perdure/test/every.proto",
    package: "perdure.test.every",
    syntax: "proto3",
    dependency: [...fileBytes.keys()],
    service: [
      {
        name: "Every",
        method: messages.flatMap((desc, index) => [
          { name: `Take${index}`, inputType: type(desc), outputType: ".google.protobuf.Empty" },
          { name: `Give${index}`, inputType: ".google.protobuf.Empty", outputType: type(desc) },
        ]),
      },
    ],
  });
  const added = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [file] }));
  const descriptors = readDescriptors(Buffer.concat([descriptorSet(base.descriptors), added]));
  const desc = descriptors.registry.getService("perdure.test.every.Every");
  if (desc === undefined) throw new Error("the service is not there");
  const service = actionOf(desc);
  const spec = {
    descriptors,
    services: new Map([[desc.typeName, service]]),
    unserved: [],
    description: "every message",
  };
  return { spec, messages };
}

for (const [name, base] of [
  ["library", librarySpec()],
  ["heap", heapSpec()],
  ["values", valuesSpec()],
] as const) {
  const { spec, messages } = specOf(base, `perdure.test.${name}.`);
  for (const [index, desc] of messages.entries()) {
    test(`${name}.proto: ${desc.typeName} comes back by JSON as it was`, async (t) => {
      let given: Uint8Array = new Uint8Array(0);
      let taken: Uint8Array = new Uint8Array(0);
      const { url } = await runEndpoint(
        t,
        async ({ method, payload }) => {
          const isGiven = method.desc.name.startsWith("Give");
          if (!isGiven) taken = payload;
          return { payload: isGiven ? given : new Uint8Array(0), metadata: NO_METADATA };
        },
        {},
        undefined,
        systemClock,
        spec,
      );
      const post = async (method: string, body: string) => {
        const response = await fetch(`${url}/perdure.test.every.Every/${method}${index}`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body,
        });
        return { status: response.status, text: await response.text() };
      };
      await fc.assert(
        fc.asyncProperty(arbitraryMessage(desc, messages), async (bytes) => {
          // Written again, so that maps are in the order of objects, and no field has its default value.
          given = toBinary(desc, fromBinary(desc, bytes));
          const shown = await post("Give", "{}");
          t.is(shown.status, 200, shown.text);
          const sent = await post("Take", shown.text);
          t.is(sent.status, 200, `${shown.text} ${sent.text}`);
          t.is(Buffer.from(taken).toString("hex"), Buffer.from(given).toString("hex"), shown.text);
          const bare = shown.text.replaceAll(QUOTED, '"$1":$2');
          if (bare === shown.text) return;
          t.is((await post("Take", bare)).status, 200, bare);
          t.is(Buffer.from(taken).toString("hex"), Buffer.from(given).toString("hex"), bare);
        }),
        { numRuns: RUNS },
      );
    });
  }
}
