// SPDX-License-Identifier: Apache-2.0

export type MetadataValue = string | Uint8Array;
export type MetadataEntry = readonly [key: string, value: MetadataValue];
