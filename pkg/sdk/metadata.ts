// SPDX-License-Identifier: Apache-2.0

import { inspect } from "node:util";

import type { Metadata as WireMetadata } from "../protocol/gen/cloudstate/entity_pb.ts";
import type { CloudEvent, CloudEventInit } from "./cloud-event.ts";
import { cloudEventEntries, cloudEventOf } from "./cloud-event.ts";
import { SdkError } from "./error.ts";
import type { MetadataEntry, MetadataValue } from "./metadata-entry.ts";

/** Whatever metadata can be made of: `{ "x-tenant": "a" }`, a list of entries, or metadata that came in. */
export type MetadataInit =
  | Metadata
  | Iterable<MetadataEntry>
  | Readonly<Record<string, MetadataValue | readonly MetadataValue[]>>;

/**
 * Keys and values that travel with a message. A key may occur more than once, in upper or lower case; a value is a text
 * or bytes. Immutable: `with` and `without` return new metadata.
 */
export class Metadata implements Iterable<MetadataEntry> {
  static readonly empty: Metadata = new Metadata([]);

  /** In the order of the wire, keys as they were written. */
  readonly entries: readonly MetadataEntry[];

  /** @throws SdkError `BAD_METADATA` for a key or value that cannot be carried. */
  static of(init: MetadataInit): Metadata {
    if (init instanceof Metadata) return init;
    const entries = Array.from(Symbol.iterator in init ? init : recordEntries(init));
    for (const [key, value] of entries) {
      if (typeof key === "string" && key !== "" && isValue(value)) continue;
      throw new SdkError("BAD_METADATA", `metadata cannot carry ${inspect(key)}: ${inspect(value)}`);
    }
    return entries.length === 0 ? Metadata.empty : new Metadata(entries);
  }

  /** What makes a message the data of a CloudEvent: `reply(message, { metadata: Metadata.ofCloudEvent(...) })`. */
  static ofCloudEvent(event: CloudEventInit): Metadata {
    return Metadata.of(cloudEventEntries(event));
  }

  /** @param entries that were checked already. */
  constructor(entries: readonly MetadataEntry[]) {
    this.entries = entries;
  }

  /** The first text under the key. */
  get(key: string): string | undefined {
    return this.getAll(key).find((value) => typeof value === "string");
  }

  /** The first bytes under the key. */
  getBytes(key: string): Uint8Array | undefined {
    return this.getAll(key).find((value) => typeof value !== "string");
  }

  /** Every value under the key, in order. */
  getAll(key: string): readonly MetadataValue[] {
    const wanted = key.toLowerCase();
    return this.entries.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value);
  }

  has(key: string): boolean {
    return this.getAll(key).length > 0;
  }

  /** A copy with exactly these values under the key. */
  with(key: string, ...values: readonly MetadataValue[]): Metadata {
    return Metadata.of([...this.without(key), ...values.map((value): MetadataEntry => [key, value])]);
  }

  without(key: string): Metadata {
    const unwanted = key.toLowerCase();
    return new Metadata(this.entries.filter(([name]) => name.toLowerCase() !== unwanted));
  }

  /** The CloudEvent that the metadata describes, or undefined if a required attribute is missing. */
  get cloudEvent(): CloudEvent | undefined {
    return cloudEventOf(this);
  }

  [Symbol.iterator](): Iterator<MetadataEntry> {
    return this.entries[Symbol.iterator]();
  }
}

export function metadataFromWire(wire: WireMetadata | undefined): Metadata {
  if (wire === undefined || wire.entries.length === 0) return Metadata.empty;
  const entries: MetadataEntry[] = [];
  for (const { key, value } of wire.entries) {
    // An entry without a value is ignored.
    if (value.case !== undefined) entries.push([key, value.value]);
  }
  return new Metadata(entries);
}

/** Undefined if there are no entries, because an empty message differs from no message. */
export function metadataToWire(init: MetadataInit | undefined): WireMetadata | undefined {
  if (init === undefined) return undefined;
  const metadata = Metadata.of(init);
  if (metadata.entries.length === 0) return undefined;
  checkCloudEvent(metadata);
  return {
    $typeName: "cloudstate.Metadata",
    entries: metadata.entries.map(([key, value]) => ({
      $typeName: "cloudstate.MetadataEntry",
      key,
      value: typeof value === "string" ? { case: "stringValue", value } : { case: "bytesValue", value },
    })),
  };
}

const REQUIRED = ["ce-id", "ce-source", "ce-specversion", "ce-type"];

/** Metadata with one attribute of a CloudEvent must have all required ones (Cloudstate 0.2, `Metadata`). */
function checkCloudEvent(metadata: Metadata): void {
  if (!metadata.entries.some(([key]) => key.toLowerCase().startsWith("ce-"))) return;
  const missing = REQUIRED.filter((key) => metadata.get(key) === undefined);
  if (missing.length === 0) return;
  throw new SdkError(
    "BAD_METADATA",
    `metadata has attributes of a CloudEvent, but not ${missing.join(", ")}`,
  );
}

function recordEntries(
  record: Readonly<Record<string, MetadataValue | readonly MetadataValue[]>>,
): MetadataEntry[] {
  return Object.entries(record).flatMap(([key, values]) =>
    [values].flat().map((value): MetadataEntry => [key, value]),
  );
}

function isValue(value: unknown): value is MetadataValue {
  return typeof value === "string" || value instanceof Uint8Array;
}
