// SPDX-License-Identifier: Apache-2.0

import { create, setExtension, toBinary } from "@bufbuild/protobuf";
import type { FileDescriptorProto } from "@bufbuild/protobuf/wkt";
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldDescriptorProtoSchema,
  FieldOptionsSchema,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  file_google_protobuf_descriptor,
} from "@bufbuild/protobuf/wkt";

import type { EntitySpec } from "../../pkg/protocol/mod.ts";
import { EntitySpecSchema, EventSourced } from "../../pkg/protocol/mod.ts";

import { entity_key, file_cloudstate_entity_key } from "../../pkg/protocol/gen/cloudstate/entity_key_pb.ts";

/**
 * The smallest service that an event sourced entity can have, for tests that speak the protocol by hand:
 *
 *     service Counter { rpc Add(Request) returns (Request); rpc Get(Request) returns (Request); }
 *     message Request { string id = 1 [(cloudstate.entity_key) = true]; int32 amount = 2; }
 */
export const COUNTER_SERVICE = "perdure.test.Counter";
export const COUNTER_REQUEST = "perdure.test.Request";

export function counterFile(): FileDescriptorProto {
  const options = create(FieldOptionsSchema);
  setExtension(options, entity_key, true);
  const label = FieldDescriptorProto_Label.OPTIONAL;
  const id = create(FieldDescriptorProtoSchema, {
    name: "id",
    number: 1,
    jsonName: "id",
    label,
    type: FieldDescriptorProto_Type.STRING,
    options,
  });
  const amount = create(FieldDescriptorProtoSchema, {
    name: "amount",
    number: 2,
    jsonName: "amount",
    label,
    type: FieldDescriptorProto_Type.INT32,
  });
  const method = (name: string) => ({
    name,
    inputType: `.${COUNTER_REQUEST}`,
    outputType: `.${COUNTER_REQUEST}`,
  });
  return create(FileDescriptorProtoSchema, {
    name: "counter.proto",
    package: "perdure.test",
    syntax: "proto3",
    dependency: [file_cloudstate_entity_key.proto.name],
    messageType: [{ name: "Request", field: [id, amount] }],
    service: [{ name: "Counter", method: [method("Add"), method("Get")] }],
  });
}

/** The bytes of a descriptor set with these files. */
export function descriptorSet(files: readonly FileDescriptorProto[]): Uint8Array {
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [...files] }));
}

/** The discovery answer of a counter's user function. `changes` replaces parts of it. */
export function counterSpec(changes: Partial<EntitySpec> = {}): EntitySpec {
  const spec = create(EntitySpecSchema, {
    // Importers first: the order must not matter.
    proto: descriptorSet([
      counterFile(),
      file_cloudstate_entity_key.proto,
      file_google_protobuf_descriptor.proto,
    ]),
    entities: [{ serviceName: COUNTER_SERVICE, entityType: EventSourced.typeName, persistenceId: "counter" }],
    serviceInfo: { serviceName: "counter", protocolMajorVersion: 0, protocolMinorVersion: 2 },
  });
  return { ...spec, ...changes };
}

/** The bytes of a `Request`. */
export function counterRequest(id: string, amount = 0): Uint8Array {
  const idBytes = Buffer.from(id);
  return Buffer.from([0x0a, idBytes.length, ...idBytes, ...(amount === 0 ? [] : [0x10, amount])]);
}
