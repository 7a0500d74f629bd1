// SPDX-License-Identifier: Apache-2.0

import type { DescFile, DescService, MessageInitShape } from "@bufbuild/protobuf";
import { create, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";

import { Status } from "../../grpc/mod.ts";
import type { ServerReflectionRequest, ServerReflectionResponse } from "../../protocol/mod.ts";
import {
  HealthV1,
  ServerReflectionResponseSchema,
  ServerReflectionV1,
  ServerReflectionV1Alpha,
} from "../../protocol/mod.ts";
import type { UserFunctionSpec } from "../../userfunction/mod.ts";

import type { SymbolIndex } from "./symbols.ts";
import { indexSymbols } from "./symbols.ts";

/** Both versions of the service: their messages are the same on the wire. */
export const REFLECTION_SERVICES: readonly DescService[] = [ServerReflectionV1, ServerReflectionV1Alpha];

type Question = ServerReflectionRequest["messageRequest"];
type Answer = NonNullable<MessageInitShape<typeof ServerReflectionResponseSchema>["messageResponse"]>;

/**
 * Answers the questions of gRPC server reflection about one specification.
 *
 * 1. An unknown symbol is answered with no files, as Cloudstate's TCK wants it; any other unknown thing is NOT_FOUND.
 * 2. A file goes out with everything that it imports, itself first, but no file twice on one stream.
 */
export class Reflection {
  readonly #spec: UserFunctionSpec;
  readonly #ownFiles: ReadonlyMap<string, DescFile>;
  /** Made at the first question, because most processes are never asked. */
  #index: SymbolIndex | undefined;

  constructor(spec: UserFunctionSpec) {
    this.#spec = spec;
    const own = [...REFLECTION_SERVICES, HealthV1];
    this.#ownFiles = new Map(own.map(({ file }) => [file.proto.name, file]));
  }

  /** @param asked the version of the service that the question came by. @param sent the files sent on this stream. */
  answer(asked: DescService, request: ServerReflectionRequest, sent: Set<string>): ServerReflectionResponse {
    return create(ServerReflectionResponseSchema, {
      validHost: request.host,
      originalRequest: request,
      messageResponse: this.#answer(asked, request.messageRequest, sent),
    });
  }

  #answer(asked: DescService, question: Question, sent: Set<string>): Answer {
    switch (question.case) {
      case "listServices":
        return { case: "listServicesResponse", value: { service: this.#services(asked) } };
      case "fileByFilename":
        return this.#files(this.#fileByName(question.value), sent) ?? notFound(`file ${question.value}`);
      case "fileContainingSymbol":
        return this.#files(this.#symbols().fileOf.get(question.value), sent) ?? files([]);
      case "fileContainingExtension": {
        const { containingType, extensionNumber } = question.value;
        const extensions = this.#symbols().extensionsOf.get(containingType) ?? [];
        const extension = extensions.find((candidate) => candidate.number === extensionNumber);
        const missing = `extension ${extensionNumber} of ${containingType}`;
        return this.#files(extension?.file, sent) ?? notFound(missing);
      }
      case "allExtensionNumbersOfType":
        return this.#extensionNumbers(question.value);
      case undefined:
        return failure(Status.INVALID_ARGUMENT, "the request asks nothing");
    }
  }

  /**
   * The reflection service first, then the discovered services in alphabetical order, because Cloudstate's TCK
   * compares the list of the old version. The list of the new version has health too. A service that is described and
   * not served is listed, because its callers get the reason.
   */
  #services(asked: DescService): { readonly name: string }[] {
    const own = asked === ServerReflectionV1 ? [asked.typeName, HealthV1.typeName] : [asked.typeName];
    const { services, unserved, descriptors } = this.#spec;
    const refused = unserved
      .map(({ service }) => service)
      .filter((service) => descriptors.registry.getService(service) !== undefined);
    const discovered = [...new Set([...services.keys(), ...refused])].filter((name) => !own.includes(name));
    return [...own, ...discovered.sort()].map((name) => ({ name }));
  }

  #extensionNumbers(typeName: string): Answer {
    const extensions = this.#symbols().extensionsOf.get(typeName);
    if (extensions === undefined && !this.#symbols().fileOf.has(typeName))
      return notFound(`type ${typeName}`);
    const extensionNumber = (extensions ?? []).map((extension) => extension.number).sort((a, b) => a - b);
    return { case: "allExtensionNumbersResponse", value: { baseTypeName: typeName, extensionNumber } };
  }

  /** The file and its imports, without those that were sent before. The requested file itself is always sent. */
  #files(file: DescFile | undefined, sent: Set<string>): Answer | undefined {
    if (file === undefined) return undefined;
    sent.delete(file.proto.name);
    const collected: Uint8Array[] = [];
    const collect = (one: DescFile): void => {
      const { name } = one.proto;
      if (sent.has(name)) return;
      sent.add(name);
      collected.push(this.#bytesOf(one));
      one.dependencies.forEach(collect);
    };
    collect(file);
    return files(collected);
  }

  #bytesOf(file: DescFile): Uint8Array {
    const announced = this.#spec.descriptors.fileBytes.get(file.proto.name);
    return announced ?? toBinary(FileDescriptorProtoSchema, file.proto);
  }

  #fileByName(name: string): DescFile | undefined {
    const announced = [...this.#spec.descriptors.registry.files].find((file) => file.proto.name === name);
    return announced ?? this.#ownFiles.get(name);
  }

  #symbols(): SymbolIndex {
    const { registry } = this.#spec.descriptors;
    return (this.#index ??= indexSymbols([...this.#ownFiles.values(), ...registry.files]));
  }
}

function files(fileDescriptorProto: Uint8Array[]): Answer {
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
}

function notFound(what: string): Answer {
  return failure(Status.NOT_FOUND, `${what} is not known here`);
}

function failure(errorCode: Status, errorMessage: string): Answer {
  return { case: "errorResponse", value: { errorCode, errorMessage } };
}
