// SPDX-License-Identifier: Apache-2.0

import type { DescFile } from "@bufbuild/protobuf";
import { create, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

import { SdkError } from "./error.ts";

/**
 * A serialized `google.protobuf.FileDescriptorSet` of the files and of everything that they import, each once, each
 * after its imports.
 *
 * @throws SdkError `BAD_ENTITY` if two different files have one name.
 */
export function descriptorSet(files: Iterable<DescFile>): Uint8Array {
  const found = new Map<string, DescFile>();
  for (const file of files) collect(file, found);
  return toBinary(
    FileDescriptorSetSchema,
    create(FileDescriptorSetSchema, { file: Array.from(found.values(), (file) => file.proto) }),
  );
}

function collect(file: DescFile, found: Map<string, DescFile>): void {
  const name = file.proto.name;
  const known = found.get(name);
  if (known === undefined) {
    for (const imported of file.dependencies) collect(imported, found);
    found.set(name, file);
  } else if (known !== file && !sameContent(known, file)) {
    throw new SdkError(
      "BAD_ENTITY",
      `two different versions of ${name} were generated: generate all services from one set of .proto files`,
    );
  }
}

/** Two pieces of generated code may each have brought a copy of the same import. */
function sameContent(a: DescFile, b: DescFile): boolean {
  const left = toBinary(FileDescriptorProtoSchema, a.proto);
  const right = toBinary(FileDescriptorProtoSchema, b.proto);
  return Buffer.compare(left, right) === 0;
}
