// SPDX-License-Identifier: Apache-2.0

import type { MessageInitShape } from "@bufbuild/protobuf";
import { create, setExtension } from "@bufbuild/protobuf";
import type { FileDescriptorProto, MethodOptions } from "@bufbuild/protobuf/wkt";
import {
  FileDescriptorProtoSchema,
  file_google_protobuf_descriptor,
  MethodOptionsSchema,
} from "@bufbuild/protobuf/wkt";

import type { EntitySpec } from "../../pkg/protocol/mod.ts";
import { ActionProtocol, EventSourced, eventing, http } from "../../pkg/protocol/mod.ts";

import { file_cloudstate_entity_key } from "../../pkg/protocol/gen/cloudstate/entity_key_pb.ts";
import { EventingSchema, file_cloudstate_eventing } from "../../pkg/protocol/gen/cloudstate/eventing_pb.ts";
import { file_google_api_annotations } from "../../pkg/protocol/gen/google/api/annotations_pb.ts";
import { file_google_api_http, HttpRuleSchema } from "../../pkg/protocol/gen/google/api/http_pb.ts";
import { COUNTER_REQUEST, counterFile, counterSpec, descriptorSet } from "./counter.ts";

type HttpRuleInit = MessageInitShape<typeof HttpRuleSchema>;

const EMPTY = "perdure.test.Keyless";

function options({ rule, topic }: { rule?: HttpRuleInit; topic?: string }): MethodOptions {
  const made = create(MethodOptionsSchema);
  if (rule !== undefined) setExtension(made, http, create(HttpRuleSchema, rule));
  if (topic !== undefined) {
    const source = { case: "topic", value: topic } as const;
    setExtension(made, eventing, create(EventingSchema, { in: { source } }));
  }
  return made;
}

function method(name: string, more: { rule?: HttpRuleInit; topic?: string; input?: string } = {}) {
  return {
    name,
    inputType: `.${more.input ?? COUNTER_REQUEST}`,
    outputType: `.${COUNTER_REQUEST}`,
    options: options(more),
  };
}

const get = (path: string, ...more: readonly HttpRuleInit[]): HttpRuleInit => ({
  pattern: { case: "get", value: path },
  additionalBindings: more.map((rule) => create(HttpRuleSchema, rule)),
});

/**
 * Services of which a proxy serves some, beside the counter of `counterFile`:
 *
 *     service Votes { rpc Cast(Request) returns (Request) GET /votes/{id} }        a CRDT
 *     service Mixed {                                                              event sourced
 *       rpc Add(Request) returns (Request)                                         served
 *       rpc Odd(Keyless) returns (Request) GET /odd                                without a key
 *       rpc Get(Request) returns (Request) GET /mixed/{id}, GET /wrong/{missing}   one rule is wrong
 *     }
 *     service Listener { rpc Hear(Request) returns (Request), from a topic }       an action
 */
function partsFile(): FileDescriptorProto {
  return create(FileDescriptorProtoSchema, {
    name: "parts.proto",
    package: "perdure.test",
    syntax: "proto3",
    dependency: [
      "counter.proto",
      file_google_api_annotations.proto.name,
      file_cloudstate_eventing.proto.name,
    ],
    messageType: [{ name: "Keyless" }],
    service: [
      { name: "Votes", method: [method("Cast", { rule: get("/votes/{id}") })] },
      {
        name: "Mixed",
        method: [
          method("Add"),
          method("Odd", { rule: get("/odd"), input: EMPTY }),
          method("Get", { rule: get("/mixed/{id}", get("/wrong/{missing}")) }),
        ],
      },
      { name: "Listener", method: [method("Hear", { topic: "news" })] },
    ],
  });
}

/** What a user function with these services, or those of them that are named, answers to discovery. */
export function partlyServedSpec(...names: readonly string[]): EntitySpec {
  const { entities } = counterSpec();
  const entity = (name: string, entityType: string) => ({
    ...entities[0]!,
    serviceName: `perdure.test.${name}`,
    entityType,
    persistenceId: name.toLowerCase(),
  });
  const all = [
    entity("Counter", EventSourced.typeName),
    entity("Votes", "cloudstate.crdt.Crdt"),
    entity("Mixed", EventSourced.typeName),
    entity("Listener", ActionProtocol.typeName),
  ];
  const isNamed = ({ serviceName }: { readonly serviceName: string }): boolean =>
    names.length === 0 || names.some((name) => serviceName.endsWith(`.${name}`));
  const proto = descriptorSet([
    partsFile(),
    counterFile(),
    file_cloudstate_entity_key.proto,
    file_cloudstate_eventing.proto,
    file_google_api_annotations.proto,
    file_google_api_http.proto,
    file_google_protobuf_descriptor.proto,
  ]);
  return counterSpec({ proto, entities: all.filter(isNamed) });
}
