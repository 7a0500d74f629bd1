// SPDX-License-Identifier: Apache-2.0

import { create } from "@bufbuild/protobuf";
import type { FileDescriptorProto } from "@bufbuild/protobuf/wkt";
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldDescriptorProtoSchema,
  FileDescriptorProtoSchema,
  file_google_protobuf_descriptor,
} from "@bufbuild/protobuf/wkt";

import type { EntitySpec } from "../../pkg/protocol/mod.ts";
import { ActionProtocol, messageTypeUrl } from "../../pkg/protocol/mod.ts";

import { file_cloudstate_entity_key } from "../../pkg/protocol/gen/cloudstate/entity_key_pb.ts";
import { counterFile, counterSpec, descriptorSet } from "./counter.ts";

/**
 * The smallest service that an action can have, in all four shapes, for tests that speak the protocol by hand:
 *
 *     service Talks {
 *       rpc Say(Line) returns (Line);
 *       rpc Gather(stream Line) returns (Line);
 *       rpc Recite(Line) returns (stream Line);
 *       rpc Chat(stream Line) returns (stream Line);
 *     }
 *     message Line { string text = 1; }
 */
export const TALKS_SERVICE = "perdure.test.Talks";
const LINE = "perdure.test.Line";

function talksFile(): FileDescriptorProto {
  const text = create(FieldDescriptorProtoSchema, {
    name: "text",
    number: 1,
    jsonName: "text",
    label: FieldDescriptorProto_Label.OPTIONAL,
    type: FieldDescriptorProto_Type.STRING,
  });
  const method = (name: string, clientStreaming: boolean, serverStreaming: boolean) => ({
    name,
    inputType: `.${LINE}`,
    outputType: `.${LINE}`,
    clientStreaming,
    serverStreaming,
  });
  return create(FileDescriptorProtoSchema, {
    name: "talks.proto",
    package: "perdure.test",
    syntax: "proto3",
    messageType: [{ name: "Line", field: [text] }],
    service: [
      {
        name: "Talks",
        method: [
          method("Say", false, false),
          method("Gather", true, false),
          method("Recite", false, true),
          method("Chat", true, true),
        ],
      },
    ],
  });
}

/** What a user function with talks, and with a counter beside them, answers to discovery. */
export function talksSpec(): EntitySpec {
  const imports = [file_cloudstate_entity_key.proto, file_google_protobuf_descriptor.proto];
  const spec = counterSpec({ proto: descriptorSet([talksFile(), counterFile(), ...imports]) });
  const talks = { ...spec.entities[0]!, serviceName: TALKS_SERVICE, persistenceId: "" };
  return { ...spec, entities: [...spec.entities, { ...talks, entityType: ActionProtocol.typeName }] };
}

/** The bytes of a `Line`. */
export function line(text: string | Uint8Array): Uint8Array {
  const bytes = Buffer.from(text as string);
  const length: number[] = [];
  for (let rest = bytes.length; ; rest >>>= 7) {
    if (rest < 128) {
      length.push(rest);
      break;
    }
    length.push((rest & 127) | 128);
  }
  return bytes.length === 0 ? bytes : Buffer.concat([Buffer.from([0x0a, ...length]), bytes]);
}

/** The text of a `Line`. */
export function textOf(bytes: Uint8Array | undefined): string {
  if (bytes === undefined || bytes.length === 0) return "";
  let start = 1;
  while ((bytes[start] ?? 0) >= 128) start++;
  return Buffer.from(bytes.subarray(start + 1)).toString();
}

/** The same as the payload of an answer. */
export function lineAny(text: string | Uint8Array) {
  return { typeUrl: messageTypeUrl(LINE), value: line(text) };
}

/** An answer with this text. */
export function lineReply(text: string | Uint8Array) {
  return { response: { case: "reply" as const, value: { payload: lineAny(text) } } };
}
