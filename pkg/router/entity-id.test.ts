// SPDX-License-Identifier: Apache-2.0

import { create, setExtension } from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Type,
  FieldOptionsSchema,
  file_google_protobuf_descriptor,
} from "@bufbuild/protobuf/wkt";
import test from "ava";

import { ENTITY_KINDS } from "../entity/mod.ts";
import { StatusError } from "../grpc/mod.ts";
import type { EntityMethod } from "../userfunction/mod.ts";
import { isEntityMethod, validateSpec } from "../userfunction/mod.ts";

import { COUNTER_SERVICE, counterFile, counterSpec, descriptorSet } from "../../test/lib/counter.ts";
import { entity_key, file_cloudstate_entity_key } from "../protocol/gen/cloudstate/entity_key_pb.ts";
import { readEntityId } from "./entity-id.ts";

const lax = { maxRequestFields: 4, maxEntityIdLength: 100, strictEntityKeys: false };
const strict = { ...lax, strictEntityKeys: true };

test("keys that meet in one entity id are taken as Cloudstate takes them, and refused with a code if that is asked for", (t) => {
  const method = methodWithTwoKeys();
  for (const payload of [request("a-b", "c"), request("a", "b-c")]) {
    t.is(readEntityId(method, payload, lax), "a-b-c");
    const refused = t.throws(() => readEntityId(method, payload, strict), { instanceOf: StatusError });
    t.is(refused.code, "ENTITY_KEY_AMBIGUOUS");
    t.is(
      refused.message,
      'the key fields of perdure.test.Request give the entity id "a-b-c", which another key could have too: ' +
        "a text among several key fields may have no - (--strict-entity-keys)",
    );
  }
  t.is(readEntityId(method, request("a", "c"), strict), "a-c");
});

test("a request with too many fields, or with an id that is too long, is refused with a code", (t) => {
  const method = methodWithTwoKeys();
  const fine = request("a", "c");
  t.is(readEntityId(method, Buffer.concat([fine, Buffer.from([0x1a, 0, 0x1a, 0])]), lax), "a-c");
  const many = Buffer.concat([fine, Buffer.from([0x1a, 0, 0x1a, 0, 0x1a, 0])]);
  const refused = t.throws(() => readEntityId(method, many, lax), { instanceOf: StatusError });
  t.is(refused.code, "REQUEST_TOO_MANY_FIELDS");
  t.is(
    refused.message,
    "the request, a perdure.test.Request, has more than 4 fields, as --max-request-fields allows",
  );
  const long = t.throws(() => readEntityId(method, request("a".repeat(100), "c"), lax), {
    instanceOf: StatusError,
  });
  t.is(long.code, "ENTITY_ID_TOO_LONG");
  t.is(long.message, "the entity id has more than 100 characters");
});

/** The counter's `Add`, with a second text in its key. */
function methodWithTwoKeys(): EntityMethod {
  const file = counterFile();
  const amount = file.messageType[0]?.field[1];
  if (amount === undefined) throw new Error("no such field");
  amount.type = FieldDescriptorProto_Type.STRING;
  amount.options = create(FieldOptionsSchema);
  setExtension(amount.options, entity_key, true);
  const proto = descriptorSet([
    file,
    file_cloudstate_entity_key.proto,
    file_google_protobuf_descriptor.proto,
  ]);
  const validation = validateSpec(counterSpec({ proto }), ENTITY_KINDS);
  if (!validation.ok) throw new Error(validation.errors.join());
  const method = validation.spec.services.get(COUNTER_SERVICE)?.methods.get("Add");
  if (method === undefined || !isEntityMethod(method)) throw new Error("no such method");
  return method;
}

function request(id: string, part: string): Uint8Array {
  return Buffer.from([0x0a, id.length, ...Buffer.from(id), 0x12, part.length, ...Buffer.from(part)]);
}
