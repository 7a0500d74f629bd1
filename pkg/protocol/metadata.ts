// SPDX-License-Identifier: Apache-2.0

/** One name and value that travel beside a message. Names may come several times; their case means nothing. */
export interface MetadataEntry {
  readonly key: string;
  readonly value: string | Uint8Array;
}

/** What travels beside a message, in order (Cloudstate 0.2, `cloudstate.Metadata`). */
export type Metadata = readonly MetadataEntry[];

/** Shared by everything that has none. */
export const NO_METADATA: Metadata = [];
