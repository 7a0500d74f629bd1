// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, Message, Registry } from "@bufbuild/protobuf";
import { createRegistry, toJson } from "@bufbuild/protobuf";

import { file_cloudstate_tck_model_action } from "../gen/cloudstate/tck/model/action_pb.ts";
import { file_cloudstate_tck_model_eventsourced } from "../gen/cloudstate/tck/model/eventsourced_pb.ts";
import { file_cloudstate_tck_model_valueentity } from "../gen/cloudstate/tck/model/valueentity_pb.ts";

/** What may be in an `Any`. */
export const registry: Registry = createRegistry(
  file_cloudstate_tck_model_action,
  file_cloudstate_tck_model_eventsourced,
  file_cloudstate_tck_model_valueentity,
);

/** A message as JSON for people, with what is in each `Any`. Fields that are unset are left out, empty ones are not. */
export function showMessage(schema: DescMessage, message: Message): string {
  try {
    return showJson(toJson(schema, message, { registry }));
  } catch {
    // An `Any` of a type that is not ours, or whose bytes are not of its type.
    return showJson(message);
  }
}

export function showJson(value: unknown): string {
  return JSON.stringify(value, plain, 2) ?? "undefined";
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  return value instanceof Uint8Array ? `bytes ${Buffer.from(value).toString("hex")}` : value;
}
