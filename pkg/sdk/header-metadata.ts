// SPDX-License-Identifier: Apache-2.0

import { inspect } from "node:util";

import { SdkError } from "./error.ts";
import type { MetadataInit } from "./metadata.ts";
import { Metadata } from "./metadata.ts";
import type { MetadataEntry } from "./metadata-entry.ts";

const NAME = /^[0-9a-z_.-]+$/;
const TEXT = /^[\x20-\x7e]*$/;

/** Marks an entry of a reply's metadata as a trailer. No header can have a name that begins so. */
const TRAILER_PREFIX = "trailer:";

/**
 * Metadata for gRPC itself to carry: names in lower case, texts in ASCII, bytes under names that end in `-bin`.
 *
 * @throws SdkError `BAD_METADATA`
 */
export function headerMetadata(init: MetadataInit | undefined): Metadata {
  if (init === undefined) return Metadata.empty;
  return Metadata.of(
    Metadata.of(init).entries.map(([key, value]): MetadataEntry => {
      const name = key.toLowerCase();
      const fits = typeof value === "string" ? TEXT.test(value) : true;
      const suits = name.endsWith("-bin") === (typeof value !== "string");
      if (NAME.test(name) && !name.startsWith("grpc-") && fits && suits) return [name, value];
      throw new SdkError("BAD_METADATA", `gRPC cannot carry ${inspect(key)}: ${inspect(value)}`);
    }),
  );
}

/** A reply's metadata with its trailers added. @throws SdkError `BAD_METADATA` */
export function withTrailers(
  metadata: MetadataInit | undefined,
  trailers: MetadataInit | undefined,
): MetadataInit | undefined {
  if (trailers === undefined) return metadata;
  const behind = headerMetadata(trailers).entries;
  return [
    ...Metadata.of(metadata ?? []),
    ...behind.map(([name, value]): MetadataEntry => [TRAILER_PREFIX + name, value]),
  ];
}

/** Separates a reply's metadata and trailers again. */
export function splitTrailers(all: Metadata): { readonly metadata: Metadata; readonly trailers: Metadata } {
  const isTrailer = ([key]: MetadataEntry): boolean => key.startsWith(TRAILER_PREFIX);
  if (!all.entries.some(isTrailer)) return { metadata: all, trailers: Metadata.empty };
  return {
    metadata: new Metadata(all.entries.filter((entry) => !isTrailer(entry))),
    trailers: new Metadata(
      all.entries.filter(isTrailer).map(([key, value]) => [key.slice(TRAILER_PREFIX.length), value]),
    ),
  };
}
