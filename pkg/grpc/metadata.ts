// SPDX-License-Identifier: Apache-2.0

import { grpcError } from "./grpc-error.ts";
import type { StatusError } from "./status.ts";
import { Status } from "./status.ts";

/** A text, or bytes for names that end in `-bin`. */
export type MetadataValue = string | Uint8Array;

const NAME = /^[0-9a-z_.-]+$/;
const TEXT = /^[\x20-\x7e]*$/;

/** Names that belong to HTTP or to gRPC itself; they are neither read nor written as metadata. */
const RESERVED = new Set([
  "connection",
  "content-length",
  "content-type",
  "date",
  "host",
  "http2-settings",
  "keep-alive",
  "perdure-error-code",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** The one name with gRPC's own prefix that belongs to users: `google.rpc.Status` as bytes. */
const STATUS_DETAILS = "grpc-status-details-bin";

/** Whether a name (in lower case) is for the transport and not for users. */
export function isReservedName(name: string): boolean {
  return name.startsWith(":") || (name.startsWith("grpc-") && name !== STATUS_DETAILS) || RESERVED.has(name);
}

/** The names and values that travel beside the messages of a call. A name may have several values. */
export class Metadata {
  readonly #values = new Map<string, MetadataValue[]>();

  /** From pairs; a name that comes again gets a further value. */
  static of(pairs: Iterable<readonly [name: string, value: MetadataValue]>): Metadata {
    const metadata = new Metadata();
    for (const [name, value] of pairs) metadata.add(name, value);
    return metadata;
  }

  /** How many values there are. */
  get size(): number {
    let size = 0;
    for (const values of this.#values.values()) size += values.length;
    return size;
  }

  /** The first value of the name. */
  get(name: string): MetadataValue | undefined {
    return this.#values.get(name)?.[0];
  }

  /** The first value of the name as text; undefined for a `-bin` name. */
  getText(name: string): string | undefined {
    const value = this.get(name);
    return typeof value === "string" ? value : undefined;
  }

  getAll(name: string): readonly MetadataValue[] {
    return this.#values.get(name) ?? [];
  }

  /** Replaces all values of the name. @throws StatusError `BAD_METADATA` */
  set(name: string, value: MetadataValue): void {
    check(name, value);
    this.#values.set(name, [value]);
  }

  /** Adds a further value of the name. @throws StatusError `BAD_METADATA` */
  add(name: string, value: MetadataValue): void {
    check(name, value);
    const values = this.#values.get(name);
    if (values === undefined) this.#values.set(name, [value]);
    else values.push(value);
  }

  delete(name: string): void {
    this.#values.delete(name);
  }

  /** Every value with its name, names in the order in which they came. */
  *[Symbol.iterator](): IterableIterator<[name: string, value: MetadataValue]> {
    for (const [name, values] of this.#values) {
      for (const value of values) yield [name, value];
    }
  }
}

function check(name: string, value: MetadataValue): void {
  if (!NAME.test(name)) throw badMetadata(`not a metadata name: ${JSON.stringify(name.slice(0, 64))}`);
  if (isReservedName(name)) throw badMetadata(`a name that metadata cannot have: ${name}`);
  if (name.endsWith("-bin") !== (typeof value !== "string"))
    throw badMetadata(`${name} has to be ${typeof value === "string" ? "bytes" : "text"}`);
  if (typeof value === "string" && !TEXT.test(value))
    throw badMetadata(`the value of ${name} has other than printable ASCII characters`);
}

function badMetadata(text: string): StatusError {
  return grpcError(Status.INTERNAL, "BAD_METADATA", text);
}
