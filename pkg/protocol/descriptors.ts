// SPDX-License-Identifier: Apache-2.0

import type { FileRegistry } from "@bufbuild/protobuf";
import { createFileRegistry, createRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { DescriptorProto, FileDescriptorProto } from "@bufbuild/protobuf/wkt";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

import { CodedError, describeError } from "../base/mod.ts";

import { http } from "./gen/google/api/annotations_pb.ts";
import { MessageError } from "./message-error.ts";
import { checkFields } from "./read-message.ts";

/** Files that import each other in a row; far beyond what any compiler writes, and well within the stack (I11, I12). */
const MAX_IMPORT_DEPTH = 1000;

/** Extensions that are parsed later, so their contents count too. */
const OPTIONS = createRegistry(http);

export type DescriptorErrorCode =
  | "DESCRIPTORS_MALFORMED"
  /** It has more fields than `maxFields`. */
  | "DESCRIPTORS_TOO_LARGE"
  | "DESCRIPTORS_MISSING_IMPORT"
  | "DESCRIPTORS_CIRCULAR_IMPORT";

/** The error for a descriptor set from outside that is refused. */
export class DescriptorError extends CodedError<DescriptorErrorCode> {}

/** The types that a user function announced. */
export interface Descriptors {
  readonly registry: FileRegistry;
  /** The files by their name in the set, each as the bytes of a `FileDescriptorProto`: what reflection serves. */
  readonly fileBytes: ReadonlyMap<string, Uint8Array>;
}

/**
 * Reads a serialized `google.protobuf.FileDescriptorSet` whose files come in any order and under any name.
 *
 * @param maxFields most fields of a set of more than 64 KiB (I11); the fields of HTTP rules count too.
 * @throws DescriptorError if the bytes are not such a set, if it has more fields, or if its imports are missing or
 * circular.
 */
export function readDescriptors(bytes: Uint8Array, maxFields = Number.POSITIVE_INFINITY): Descriptors {
  const files = sortByImports(parseFiles(bytes, maxFields));
  const fileBytes = new Map(files.map((file) => [file.name, toBinary(FileDescriptorProtoSchema, file)]));
  for (const file of files) file.messageType.forEach(fillJsonNames);
  try {
    const registry = createFileRegistry({ $typeName: "google.protobuf.FileDescriptorSet", file: files });
    return { registry, fileBytes };
  } catch (cause) {
    const text = `descriptor set cannot be used: ${describeError(cause)}`;
    throw new DescriptorError("DESCRIPTORS_MALFORMED", text, { cause });
  }
}

/** The descriptors as a serialized `google.protobuf.FileDescriptorSet`, which `readDescriptors` reads. */
export function descriptorSet({ fileBytes }: Descriptors): Uint8Array {
  const writer = new BinaryWriter();
  const { number } = FileDescriptorSetSchema.field.file;
  for (const bytes of fileBytes.values()) writer.tag(number, WireType.LengthDelimited).bytes(bytes);
  return writer.finish();
}

function parseFiles(bytes: Uint8Array, maxFields: number): ReadonlyMap<string, FileDescriptorProto> {
  try {
    checkFields(FileDescriptorSetSchema, bytes, maxFields, OPTIONS);
    return new Map(fromBinary(FileDescriptorSetSchema, bytes).file.map((file) => [file.name, file]));
  } catch (cause) {
    if (cause instanceof MessageError)
      throw new DescriptorError("DESCRIPTORS_TOO_LARGE", `descriptor set: ${cause.message}`);
    const text = "descriptor set is not a google.protobuf.FileDescriptorSet";
    throw new DescriptorError("DESCRIPTORS_MALFORMED", text, { cause });
  }
}

/** Imports before importers: depth first, with the path kept so that a circle can be shown. */
function sortByImports(files: ReadonlyMap<string, FileDescriptorProto>): FileDescriptorProto[] {
  const sorted = new Set<FileDescriptorProto>();
  const path: string[] = [];

  const visit = (file: FileDescriptorProto): void => {
    if (sorted.has(file)) return;
    if (path.includes(file.name)) {
      const circle = [...path.slice(path.indexOf(file.name)), file.name].join(" -> ");
      const text = `descriptor set has a circular import: ${circle}`;
      throw new DescriptorError("DESCRIPTORS_CIRCULAR_IMPORT", text);
    }
    if (path.length === MAX_IMPORT_DEPTH) {
      const text = `descriptor set nests imports more than ${MAX_IMPORT_DEPTH} deep`;
      throw new DescriptorError("DESCRIPTORS_MALFORMED", text);
    }
    path.push(file.name);
    for (const name of file.dependency) {
      const imported = files.get(name);
      if (imported === undefined) {
        const text = `descriptor set lacks ${name}, which ${file.name} imports; it must hold all imports`;
        throw new DescriptorError("DESCRIPTORS_MISSING_IMPORT", text);
      }
      visit(imported);
    }
    path.pop();
    sorted.add(file);
  };

  for (const file of files.values()) visit(file);
  return [...sorted];
}

/**
 * Fills in each `json_name`, because compilers may omit it where it follows from the name, but protobuf-es expects
 * it.
 */
function fillJsonNames(message: DescriptorProto): void {
  for (const field of message.field) {
    if (field.jsonName === "") field.jsonName = lowerCamelCase(field.name);
  }
  message.nestedType.forEach(fillJsonNames);
}

/** The JSON name of a field as protoc derives it: underscores are removed, and the letter after them is capitalized. */
function lowerCamelCase(name: string): string {
  return name.replace(/_+(.?)/g, (_match, next: string) => next.toUpperCase());
}
