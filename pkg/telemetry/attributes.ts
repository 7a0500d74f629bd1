// SPDX-License-Identifier: Apache-2.0

/**
 * Names of what spans say, and the few values that are always the same. Those without `perdure.` are OpenTelemetry's
 * semantic conventions as of 1.45:
 *
 * - RPC: https://opentelemetry.io/docs/specs/semconv/rpc/rpc-spans/, with the names of
 *   https://opentelemetry.io/docs/specs/semconv/non-normative/rpc-migration/ (`rpc.system`, `rpc.service` and
 *   `rpc.grpc.status_code` are the former ones)
 * - messaging: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
 * - FaaS: https://opentelemetry.io/docs/specs/semconv/faas/faas-spans/
 */
export const ATTRIBUTES = {
  rpcSystem: "rpc.system.name",
  /** `package.Service/Method`. */
  rpcMethod: "rpc.method",
  /** The name of the gRPC status, as `OK`. */
  rpcStatus: "rpc.status_code",

  messagingSystem: "messaging.system.name",
  messagingOperation: "messaging.operation.name",
  /** `send` or `receive`. */
  messagingOperationType: "messaging.operation.type",
  messagingPartition: "messaging.destination.partition.id",
  /** Bytes. */
  messageSize: "messaging.message.body.size",

  /** True: the first command since the process started. */
  coldStart: "faas.coldstart",

  /** Why a command is carried out that no caller sent: `forward` or `effect`. */
  cause: "perdure.cause",
  /** The kind of an entity, as `event-sourced`. */
  entityKind: "perdure.entity.kind",
  /** Its persistence id; never the id of the entity itself. */
  entityType: "perdure.entity.type",
  /** How many records were read. */
  records: "perdure.records",
  /** How many bytes of records and snapshots were read. */
  bytes: "perdure.bytes",
  /** Whether the user function got a snapshot in place of the events before it. */
  snapshot: "perdure.snapshot",
} as const;

/** The value of `rpcSystem`. */
export const GRPC = "grpc";

/** The value of `messagingSystem` for JetStream; the conventions have no entry for it. */
export const NATS = "nats";
