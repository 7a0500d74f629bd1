// SPDX-License-Identifier: Apache-2.0

import type { Metadata as MetadataMessage } from "./gen/cloudstate/entity_pb.ts";

/** One name and value of metadata. A name may occur several times, and its case does not matter. */
export interface MetadataEntry {
  readonly key: string;
  readonly value: string | Uint8Array;
}

/** The metadata of a message, in order (Cloudstate 0.2, `cloudstate.Metadata`). */
export type Metadata = readonly MetadataEntry[];

/** Shared by everything that has none. */
export const NO_METADATA: Metadata = [];

/** Reads the metadata of a protocol message. An entry without a value is left out. */
export function readMetadata(message: MetadataMessage | undefined): Metadata {
  if (message === undefined || message.entries.length === 0) return NO_METADATA;
  const metadata: MetadataEntry[] = [];
  for (const { key, value } of message.entries) {
    if (value.case !== undefined) metadata.push({ key, value: value.value });
  }
  return metadata;
}

/** Converts metadata to a protocol message. */
export function metadataMessage(metadata: Metadata): MetadataMessage {
  return {
    $typeName: "cloudstate.Metadata",
    entries: metadata.map(({ key, value }) => ({
      $typeName: "cloudstate.MetadataEntry",
      key,
      value: typeof value === "string" ? { case: "stringValue", value } : { case: "bytesValue", value },
    })),
  };
}
