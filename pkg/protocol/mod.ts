// SPDX-License-Identifier: Apache-2.0

export { messageTypeUrl } from "./any.ts";
export { countFields } from "./count-fields.ts";
export type { Descriptors } from "./descriptors.ts";
export { DescriptorError, descriptorSet, readDescriptors } from "./descriptors.ts";
export type { EntityKey, EntityKeyReader } from "./entity-key.ts";
export { entityKeyReader } from "./entity-key.ts";
export type { ActionCommand, ActionResponse } from "./gen/cloudstate/action_pb.ts";
export { ActionCommandSchema, ActionProtocol, ActionResponseSchema } from "./gen/cloudstate/action_pb.ts";
export type {
  ClientAction,
  Entity,
  EntitySpec,
  Failure,
  Forward as ForwardMessage,
  ProxyInfo,
  Reply as ReplyMessage,
  ServiceInfo,
  SideEffect as SideEffectMessage,
} from "./gen/cloudstate/entity_pb.ts";
export {
  CommandSchema as CommandMessageSchema,
  EntitySpecSchema,
  ProxyInfoSchema,
  UserFunctionErrorSchema,
} from "./gen/cloudstate/entity_pb.ts";
export type { EventSourcedReply, EventSourcedStreamIn } from "./gen/cloudstate/event_sourced_pb.ts";
export {
  EventSourced,
  EventSourcedStreamInSchema,
  EventSourcedStreamOutSchema,
} from "./gen/cloudstate/event_sourced_pb.ts";
export { eventing } from "./gen/cloudstate/eventing_pb.ts";
export type { ValueEntityReply, ValueEntityStreamIn } from "./gen/cloudstate/value_entity_pb.ts";
export {
  ValueEntity,
  ValueEntityStreamInSchema,
  ValueEntityStreamOutSchema,
} from "./gen/cloudstate/value_entity_pb.ts";
export { http } from "./gen/google/api/annotations_pb.ts";
export type { HttpRule } from "./gen/google/api/http_pb.ts";
export { ErrorInfoSchema } from "./gen/google/rpc/error_details_pb.ts";
export { StatusSchema } from "./gen/google/rpc/status_pb.ts";
export {
  Health as HealthV1,
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus,
  HealthCheckResponseSchema,
  HealthListResponseSchema,
} from "./gen/grpc/health/v1/health_pb.ts";
export { ServerReflection as ServerReflectionV1 } from "./gen/grpc/reflection/v1/reflection_pb.ts";
export type {
  ServerReflectionRequest,
  ServerReflectionResponse,
} from "./gen/grpc/reflection/v1alpha/reflection_pb.ts";
export {
  ServerReflection as ServerReflectionV1Alpha,
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
} from "./gen/grpc/reflection/v1alpha/reflection_pb.ts";
export type {
  Commit,
  KeptReply,
  Lineage as LineageMessage,
  ProxyState,
  Refusal as RefusalMessage,
  Trace as TraceMessage,
} from "./gen/perdure/log/v1/log_pb.ts";
export {
  CommitSchema,
  ProxyStateSchema,
  SnapshotSchema,
  TraceSchema as TraceMessageSchema,
  ValueStateSchema,
} from "./gen/perdure/log/v1/log_pb.ts";
export type {
  Answer as PeerAnswer,
  Command as PeerCommand,
  Failure as PeerFailure,
} from "./gen/perdure/peer/v1/peer_pb.ts";
export {
  AnswerSchema as PeerAnswerSchema,
  CallEndSchema as PeerCallEndSchema,
  CommandSchema as PeerCommandSchema,
  FailureSchema as PeerFailureSchema,
  LineageSchema as PeerLineageSchema,
  ReplySchema as PeerReplySchema,
  StreamBreak as PeerStreamBreak,
} from "./gen/perdure/peer/v1/peer_pb.ts";
export { MessageError } from "./message-error.ts";
export type { Metadata, MetadataEntry } from "./metadata.ts";
export { metadataMessage, NO_METADATA, readMetadata } from "./metadata.ts";
export { readMessage } from "./read-message.ts";
export { requiredFieldFinder } from "./required-fields.ts";
export { elementWireType, SCALAR_WIRE_TYPES, WireCursor, wireTypeOf } from "./wire-cursor.ts";
export { encodedText, encodedTypeUrl, writeAny, writeMessage, writeMetadata } from "./write-message.ts";
