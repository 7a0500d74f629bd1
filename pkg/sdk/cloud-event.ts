// SPDX-License-Identifier: Apache-2.0

import type { MetadataEntry } from "./metadata-entry.ts";

/**
 * The attributes of a CloudEvent 1.0. Its data is the message itself. Carried in metadata as in the HTTP protocol
 * binding, binary mode: `ce-id`, `ce-source`, …, and `Content-Type`; values that a header could not hold are
 * percent-encoded (§3.1.3.2).
 */
export interface CloudEvent {
  readonly id: string;
  readonly source: string;
  readonly specversion: string;
  readonly type: string;
  readonly datacontenttype?: string;
  readonly dataschema?: string;
  readonly subject?: string;
  /** RFC 3339, as it was written. */
  readonly time?: string;
  /** All other attributes, by their names without `ce-`. */
  readonly extensions: Readonly<Record<string, string>>;
}

export type CloudEventInit = Omit<CloudEvent, "specversion" | "extensions"> &
  Partial<Pick<CloudEvent, "specversion" | "extensions">>;

const PREFIX = "ce-";
const CONTENT_TYPE = "content-type";
const OPTIONAL = ["dataschema", "subject", "time"] as const;

/** Undefined without id, source, specversion or type. */
export function cloudEventOf(metadata: Iterable<MetadataEntry>): CloudEvent | undefined {
  const attributes = new Map<string, string>();
  let datacontenttype: string | undefined;
  for (const [key, value] of metadata) {
    if (typeof value !== "string") continue;
    const name = key.toLowerCase();
    if (name === CONTENT_TYPE) datacontenttype ??= value;
    if (!name.startsWith(PREFIX)) continue;
    const attribute = name.slice(PREFIX.length);
    if (!attributes.has(attribute)) attributes.set(attribute, decode(value));
  }
  const all: Readonly<Record<string, string>> = Object.fromEntries(attributes);
  const { id, source, specversion, type, dataschema, subject, time, ...extensions } = all;
  if (id === undefined || source === undefined || specversion === undefined || type === undefined) {
    return undefined;
  }
  return {
    id,
    source,
    specversion,
    type,
    ...(datacontenttype !== undefined && { datacontenttype }),
    ...(dataschema !== undefined && { dataschema }),
    ...(subject !== undefined && { subject }),
    ...(time !== undefined && { time }),
    extensions,
  };
}

/** The metadata entries that make a message the data of this event. */
export function cloudEventEntries(event: CloudEventInit): MetadataEntry[] {
  const { id, source, type, specversion = "1.0", datacontenttype, extensions = {} } = event;
  const attributes = { id, source, specversion, type, ...extensions };
  const entries = Object.entries(attributes).map(([name, value]) => entry(name, value));
  for (const name of OPTIONAL) {
    const value = event[name];
    if (value !== undefined) entries.push(entry(name, value));
  }
  if (datacontenttype !== undefined) entries.push(["Content-Type", datacontenttype]);
  return entries;
}

function entry(name: string, value: string): MetadataEntry {
  return [PREFIX + name, encode(value)];
}

/** Percent-encodes all that is not printable ASCII, and what would be read as something else: space, `"` and `%`. */
function encode(value: string): string {
  return value.replaceAll(/[^\u0021-\u007e]|["%]/gu, (character) =>
    Array.from(Buffer.from(character), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join(
      "",
    ),
  );
}

/** Decodes a value. A value that is not well encoded is returned as it is. */
function decode(value: string): string {
  if (!value.includes("%")) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
