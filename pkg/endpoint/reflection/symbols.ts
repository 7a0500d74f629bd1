// SPDX-License-Identifier: Apache-2.0

import type { DescEnum, DescExtension, DescFile, DescMessage } from "@bufbuild/protobuf";

/** The file that declares each name, for the look-ups of the reflection service. */
export interface SymbolIndex {
  /** The file, by the full name of anything in it: message, field, oneof, enum, value, extension, service, method. */
  readonly fileOf: ReadonlyMap<string, DescFile>;
  /** Extensions by the full name of the message they extend. */
  readonly extensionsOf: ReadonlyMap<string, readonly DescExtension[]>;
}

export function indexSymbols(files: Iterable<DescFile>): SymbolIndex {
  const fileOf = new Map<string, DescFile>();
  const extensionsOf = new Map<string, DescExtension[]>();
  const addExtensions = (extensions: readonly DescExtension[], file: DescFile): void => {
    for (const extension of extensions) {
      fileOf.set(extension.typeName, file);
      const { typeName } = extension.extendee;
      extensionsOf.set(typeName, [...(extensionsOf.get(typeName) ?? []), extension]);
    }
  };
  const addMessage = (message: DescMessage, file: DescFile): void => {
    for (const name of messageNames(message)) fileOf.set(name, file);
    addExtensions(message.nestedExtensions, file);
    for (const nested of message.nestedMessages) addMessage(nested, file);
  };
  for (const file of files) {
    for (const message of file.messages) addMessage(message, file);
    for (const name of [...enumNames(file.enums), ...serviceNames(file)]) fileOf.set(name, file);
    addExtensions(file.extensions, file);
  }
  return { fileOf, extensionsOf };
}

function messageNames(message: DescMessage): string[] {
  const { typeName } = message;
  const members = [...message.fields, ...message.oneofs].map((member) => `${typeName}.${member.name}`);
  return [typeName, ...members, ...enumNames(message.nestedEnums)];
}

/** An enum's values are named beside it, not in it, as in C++. */
function enumNames(enums: readonly DescEnum[]): string[] {
  return enums.flatMap((desc) => {
    const scope = desc.typeName.slice(0, desc.typeName.length - desc.name.length);
    return [desc.typeName, ...desc.values.map((value) => scope + value.name)];
  });
}

function serviceNames(file: DescFile): string[] {
  return file.services.flatMap((service) => [
    service.typeName,
    ...service.methods.map((method) => `${service.typeName}.${method.name}`),
  ]);
}
