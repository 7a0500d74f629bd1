// SPDX-License-Identifier: Apache-2.0

import type { DescExtension, DescField, DescFile, DescMethod } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import test from "ava";

import { file_cloudstate_action } from "./gen/cloudstate/action_pb.ts";
import { file_cloudstate_crdt } from "./gen/cloudstate/crdt_pb.ts";
import { file_cloudstate_entity_key } from "./gen/cloudstate/entity_key_pb.ts";
import { file_cloudstate_entity } from "./gen/cloudstate/entity_pb.ts";
import { file_cloudstate_event_sourced } from "./gen/cloudstate/event_sourced_pb.ts";
import { file_cloudstate_eventing } from "./gen/cloudstate/eventing_pb.ts";
import { file_cloudstate_legacy_entity_key } from "./gen/cloudstate/legacy_entity_key_pb.ts";
import { file_cloudstate_value_entity } from "./gen/cloudstate/value_entity_pb.ts";
import { file_google_api_annotations } from "./gen/google/api/annotations_pb.ts";
import { file_google_api_http } from "./gen/google/api/http_pb.ts";
import { file_google_api_httpbody } from "./gen/google/api/httpbody_pb.ts";
import { file_google_rpc_error_details } from "./gen/google/rpc/error_details_pb.ts";
import { file_google_rpc_status } from "./gen/google/rpc/status_pb.ts";

/**
 * Everything that a file declares. A field is written as `number name type`, with `repeated` or `map to` before the
 * type, and with the oneof that it is in. A type of the file's own package is written without the package name.
 */
interface Contract {
  readonly package: string;
  readonly messages: Readonly<Record<string, readonly string[]>>;
  readonly enums?: Readonly<Record<string, readonly string[]>>;
  readonly services?: Readonly<Record<string, readonly string[]>>;
  readonly extensions?: readonly string[];
}

const ANY = "google.protobuf.Any";

/** Cloudstate 0.2 and the options of its services. No line of this may ever change: existing SDKs speak it. */
const WIRE: readonly (readonly [DescFile, Contract])[] = [
  [
    file_cloudstate_entity,
    {
      package: "cloudstate",
      messages: {
        Metadata: ["1 entries repeated MetadataEntry"],
        MetadataEntry: ["1 key string", "2 string_value string in value", "3 bytes_value bytes in value"],
        Reply: [`1 payload ${ANY}`, "2 metadata Metadata"],
        Forward: [
          "1 service_name string",
          "2 command_name string",
          `3 payload ${ANY}`,
          "4 metadata Metadata",
        ],
        ClientAction: [
          "1 reply Reply in action",
          "2 forward Forward in action",
          "3 failure Failure in action",
        ],
        SideEffect: [
          "1 service_name string",
          "2 command_name string",
          `3 payload ${ANY}`,
          "4 synchronous bool",
          "5 metadata Metadata",
        ],
        Command: [
          "1 entity_id string",
          "2 id int64",
          "3 name string",
          `4 payload ${ANY}`,
          "5 streamed bool",
          "6 metadata Metadata",
        ],
        StreamCancelled: ["1 entity_id string", "2 id int64"],
        Failure: ["1 command_id int64", "2 description string", "3 restart bool"],
        EntitySpec: ["1 proto bytes", "2 entities repeated Entity", "3 service_info ServiceInfo"],
        ServiceInfo: [
          "1 service_name string",
          "2 service_version string",
          "3 service_runtime string",
          "4 support_library_name string",
          "5 support_library_version string",
          "6 protocol_major_version int32",
          "7 protocol_minor_version int32",
        ],
        Entity: [
          "1 entity_type string",
          "2 service_name string",
          "3 persistence_id string",
          "4 passivation_strategy EntityPassivationStrategy",
        ],
        EntityPassivationStrategy: ["1 timeout TimeoutPassivationStrategy in strategy"],
        TimeoutPassivationStrategy: ["1 timeout int64"],
        UserFunctionError: ["1 message string"],
        ProxyInfo: [
          "1 protocol_major_version int32",
          "2 protocol_minor_version int32",
          "3 proxy_name string",
          "4 proxy_version string",
          "5 supported_entity_types repeated string",
        ],
      },
      services: {
        EntityDiscovery: [
          "discover unary ProxyInfo -> EntitySpec",
          "reportError unary UserFunctionError -> google.protobuf.Empty",
        ],
      },
    },
  ],
  [
    file_cloudstate_event_sourced,
    {
      package: "cloudstate.eventsourced",
      messages: {
        EventSourcedInit: ["1 service_name string", "2 entity_id string", "3 snapshot EventSourcedSnapshot"],
        EventSourcedSnapshot: ["1 snapshot_sequence int64", `2 snapshot ${ANY}`],
        EventSourcedEvent: ["1 sequence int64", `2 payload ${ANY}`],
        EventSourcedReply: [
          "1 command_id int64",
          "2 client_action cloudstate.ClientAction",
          "3 side_effects repeated cloudstate.SideEffect",
          `4 events repeated ${ANY}`,
          `5 snapshot ${ANY}`,
        ],
        EventSourcedStreamIn: [
          "1 init EventSourcedInit in message",
          "2 event EventSourcedEvent in message",
          "3 command cloudstate.Command in message",
        ],
        EventSourcedStreamOut: [
          "1 reply EventSourcedReply in message",
          "2 failure cloudstate.Failure in message",
        ],
      },
      services: { EventSourced: ["handle bidi_streaming EventSourcedStreamIn -> EventSourcedStreamOut"] },
    },
  ],
  [
    file_cloudstate_value_entity,
    {
      package: "cloudstate.valueentity",
      messages: {
        ValueEntityStreamIn: ["1 init ValueEntityInit in message", "2 command cloudstate.Command in message"],
        ValueEntityInit: ["1 service_name string", "2 entity_id string", "3 state ValueEntityInitState"],
        ValueEntityInitState: [`1 value ${ANY}`],
        ValueEntityStreamOut: [
          "1 reply ValueEntityReply in message",
          "2 failure cloudstate.Failure in message",
        ],
        ValueEntityReply: [
          "1 command_id int64",
          "2 client_action cloudstate.ClientAction",
          "3 side_effects repeated cloudstate.SideEffect",
          "4 state_action ValueEntityAction",
        ],
        ValueEntityAction: ["1 update ValueEntityUpdate in action", "2 delete ValueEntityDelete in action"],
        ValueEntityUpdate: [`1 value ${ANY}`],
        ValueEntityDelete: [],
      },
      services: { ValueEntity: ["handle bidi_streaming ValueEntityStreamIn -> ValueEntityStreamOut"] },
    },
  ],
  [
    file_cloudstate_crdt,
    {
      package: "cloudstate.crdt",
      messages: {
        CrdtStreamIn: [
          "1 init CrdtInit in message",
          "2 delta CrdtDelta in message",
          "3 delete CrdtDelete in message",
          "4 command cloudstate.Command in message",
          "5 stream_cancelled cloudstate.StreamCancelled in message",
        ],
        CrdtStreamOut: [
          "1 reply CrdtReply in message",
          "2 streamed_message CrdtStreamedMessage in message",
          "3 stream_cancelled_response CrdtStreamCancelledResponse in message",
          "4 failure cloudstate.Failure in message",
        ],
        CrdtInit: ["1 service_name string", "2 entity_id string", "3 delta CrdtDelta"],
        CrdtDelete: [],
        CrdtDelta: [
          "1 gcounter GCounterDelta in delta",
          "2 pncounter PNCounterDelta in delta",
          "3 gset GSetDelta in delta",
          "4 orset ORSetDelta in delta",
          "5 lwwregister LWWRegisterDelta in delta",
          "6 flag FlagDelta in delta",
          "7 ormap ORMapDelta in delta",
          "8 vote VoteDelta in delta",
        ],
        GCounterDelta: ["1 increment uint64"],
        PNCounterDelta: ["1 change sint64"],
        GSetDelta: [`1 added repeated ${ANY}`],
        ORSetDelta: ["1 cleared bool", `2 removed repeated ${ANY}`, `3 added repeated ${ANY}`],
        LWWRegisterDelta: [`1 value ${ANY}`, "2 clock CrdtClock", "3 custom_clock_value int64"],
        FlagDelta: ["1 value bool"],
        ORMapDelta: [
          "1 cleared bool",
          `2 removed repeated ${ANY}`,
          "3 updated repeated ORMapEntryDelta",
          "4 added repeated ORMapEntryDelta",
        ],
        ORMapEntryDelta: [`1 key ${ANY}`, "2 delta CrdtDelta"],
        VoteDelta: ["1 self_vote bool", "2 votes_for int32", "3 total_voters int32"],
        CrdtReply: [
          "1 command_id int64",
          "2 client_action cloudstate.ClientAction",
          "4 side_effects repeated cloudstate.SideEffect",
          "5 state_action CrdtStateAction",
          "6 streamed bool",
        ],
        CrdtStateAction: [
          "1 update CrdtDelta in action",
          "2 delete CrdtDelete in action",
          "3 write_consistency CrdtWriteConsistency",
        ],
        CrdtStreamedMessage: [
          "1 command_id int64",
          "2 client_action cloudstate.ClientAction",
          "3 side_effects repeated cloudstate.SideEffect",
          "4 end_stream bool",
        ],
        CrdtStreamCancelledResponse: [
          "1 command_id int64",
          "2 side_effects repeated cloudstate.SideEffect",
          "3 state_action CrdtStateAction",
        ],
      },
      enums: {
        CrdtWriteConsistency: ["0 LOCAL", "1 MAJORITY", "2 ALL"],
        CrdtClock: ["0 DEFAULT", "1 REVERSE", "2 CUSTOM", "3 CUSTOM_AUTO_INCREMENT"],
      },
      services: { Crdt: ["handle bidi_streaming CrdtStreamIn -> CrdtStreamOut"] },
    },
  ],
  [
    file_cloudstate_action,
    {
      package: "cloudstate.action",
      messages: {
        ActionCommand: [
          "2 service_name string",
          "3 name string",
          `4 payload ${ANY}`,
          "5 metadata cloudstate.Metadata",
        ],
        ActionResponse: [
          "1 failure cloudstate.Failure in response",
          "2 reply cloudstate.Reply in response",
          "3 forward cloudstate.Forward in response",
          "4 side_effects repeated cloudstate.SideEffect",
        ],
      },
      services: {
        ActionProtocol: [
          "handleUnary unary ActionCommand -> ActionResponse",
          "handleStreamedIn client_streaming ActionCommand -> ActionResponse",
          "handleStreamedOut server_streaming ActionCommand -> ActionResponse",
          "handleStreamed bidi_streaming ActionCommand -> ActionResponse",
        ],
      },
    },
  ],
  [
    file_cloudstate_entity_key,
    {
      package: "cloudstate",
      messages: {},
      extensions: ["1080 entity_key bool of google.protobuf.FieldOptions"],
    },
  ],
  [
    file_cloudstate_legacy_entity_key,
    {
      package: "cloudstate",
      messages: {},
      extensions: ["50002 legacy_entity_key bool of google.protobuf.FieldOptions"],
    },
  ],
  [
    file_cloudstate_eventing,
    {
      package: "cloudstate",
      messages: {
        Eventing: ["1 in EventSource", "2 out EventDestination"],
        EventSource: ["1 consumer_group string", "2 topic string in source", "3 event_log string in source"],
        EventDestination: ["1 topic string in destination"],
      },
      extensions: ["1081 eventing Eventing of google.protobuf.MethodOptions"],
    },
  ],
  [
    file_google_api_annotations,
    {
      package: "google.api",
      messages: {},
      extensions: ["72295728 http HttpRule of google.protobuf.MethodOptions"],
    },
  ],
  [
    file_google_api_http,
    {
      package: "google.api",
      messages: {
        Http: ["1 rules repeated HttpRule", "2 fully_decode_reserved_expansion bool"],
        HttpRule: [
          "1 selector string",
          "2 get string in pattern",
          "3 put string in pattern",
          "4 post string in pattern",
          "5 delete string in pattern",
          "6 patch string in pattern",
          "8 custom CustomHttpPattern in pattern",
          "7 body string",
          "11 additional_bindings repeated HttpRule",
          "12 response_body string",
        ],
        CustomHttpPattern: ["1 kind string", "2 path string"],
      },
    },
  ],
  [
    file_google_api_httpbody,
    {
      package: "google.api",
      messages: { HttpBody: ["1 content_type string", "2 data bytes", `3 extensions repeated ${ANY}`] },
    },
  ],
  [
    file_google_rpc_error_details,
    {
      package: "google.rpc",
      messages: { ErrorInfo: ["1 reason string", "2 domain string", "3 metadata map to string"] },
    },
  ],
  [
    file_google_rpc_status,
    {
      package: "google.rpc",
      messages: { Status: ["1 code int32", "2 message string", `3 details repeated ${ANY}`] },
    },
  ],
];

/**
 * Fields with this number or a higher one are Perdure's. Each belongs to an extension that the user function
 * announces.
 */
const FIRST_OWN = 1_000;

/** Perdure's fields in Cloudstate's messages. Existing SDKs skip them. */
const OWN: readonly string[] = [
  "Failure: 1000 grpc_status int32",
  "ServiceInfo: 1000 extensions repeated string",
  "Entity: 1000 snapshot_version string",
];

const KIND_WORDS: Readonly<Record<string, string>> = { list: "repeated ", map: "map to " };

/** Returns what the generated code declares, in the notation of `Contract`. */
function contractOf(file: DescFile): Required<Contract> {
  const own = file.proto.package;
  const local = (name: string) =>
    name.startsWith(`${own}.`) && !name.slice(own.length + 1).includes(".")
      ? name.slice(own.length + 1)
      : name;
  const named = <T extends { readonly name: string }>(items: readonly T[], lines: (item: T) => string[]) =>
    Object.fromEntries(items.map((item) => [item.name, lines(item)]));
  const field = (each: DescField) => {
    const repeated = KIND_WORDS[each.fieldKind] ?? "";
    const group = each.oneof === undefined ? "" : ` in ${each.oneof.name}`;
    return `${each.number} ${each.name} ${repeated}${local(typeName(each))}${group}`;
  };
  const method = ({ name, methodKind, input, output }: DescMethod) =>
    `${name} ${methodKind} ${local(input.typeName)} -> ${local(output.typeName)}`;

  return {
    package: own,
    // Fields in the order of their declaration.
    messages: named(file.messages, (message) =>
      message.fields.filter(({ number }) => number < FIRST_OWN).map(field),
    ),
    enums: named(file.enums, (each) => each.values.map((value) => `${value.number} ${value.name}`)),
    services: named(file.services, (service) => service.methods.map(method)),
    extensions: file.extensions.map(
      (each) => `${each.number} ${each.name} ${local(typeName(each))} of ${each.extendee.typeName}`,
    ),
  };
}

function typeName(field: DescField | DescExtension): string {
  if (field.message !== undefined) return field.message.typeName;
  if (field.enum !== undefined) return field.enum.typeName;
  const scalar = field.scalar as ScalarType;
  return ScalarType[scalar].toLowerCase();
}

for (const [file, contract] of WIRE) {
  test(`${file.name}.proto declares the wire contract and nothing else`, (t) => {
    t.deepEqual(contractOf(file), { enums: {}, services: {}, extensions: [], ...contract });
  });
}

test("what is Perdure's own in Cloudstate's messages is behind number 1000, and is what is written down", (t) => {
  const files = WIRE.map(([file]) => file).filter(({ proto }) => proto.package.startsWith("cloudstate"));
  const own = files.flatMap(({ messages }) =>
    messages.flatMap(({ name, fields }) =>
      fields
        .filter(({ number }) => number >= FIRST_OWN)
        .map(
          (field) =>
            `${name}: ${field.number} ${field.name} ${KIND_WORDS[field.fieldKind] ?? ""}${typeName(field)}`,
        ),
    ),
  );
  t.deepEqual(own, OWN);
});
