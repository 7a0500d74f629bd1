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

const lax = { maxEntityIdLength: 100, strictEntityKeys: false };
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
