// SPDX-License-Identifier: Apache-2.0

import type { DescService, MessageInitShape } from "@bufbuild/protobuf";
import { create, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import test from "ava";

import type { ServerReflectionResponse } from "../../protocol/mod.ts";
import {
  ServerReflectionRequestSchema,
  ServerReflectionV1,
  ServerReflectionV1Alpha,
} from "../../protocol/mod.ts";

import { librarySpec } from "../testdata/library-spec.ts";
import { Reflection } from "./reflection.ts";

const reflection = new Reflection(librarySpec());

type Question = MessageInitShape<typeof ServerReflectionRequestSchema>["messageRequest"];

function ask(
  question: NonNullable<Question>,
  sent = new Set<string>(),
  version: DescService = ServerReflectionV1,
): ServerReflectionResponse {
  const request = create(ServerReflectionRequestSchema, { host: "h", messageRequest: question });
  return reflection.answer(version, request, sent);
}

function services(response: ServerReflectionResponse): string[] | undefined {
  const { messageResponse } = response;
  return messageResponse.case === "listServicesResponse"
    ? messageResponse.value.service.map((service) => service.name)
    : undefined;
}

/** Names of the files in a response, or its error. */
function files(response: ServerReflectionResponse): string[] | string {
  const { messageResponse } = response;
  if (messageResponse.case === "errorResponse") {
    return `${messageResponse.value.errorCode}: ${messageResponse.value.errorMessage}`;
  }
  if (messageResponse.case !== "fileDescriptorResponse") return String(messageResponse.case);
  return messageResponse.value.fileDescriptorProto.map(
    (bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name,
  );
}

const symbol = (value: string) => ({ case: "fileContainingSymbol", value }) as const;

const discovered = ["Files", "Library", "Plain", "Talks"].map((name) => `perdure.test.library.${name}`);

for (const [version, own] of [
  [ServerReflectionV1, ["grpc.reflection.v1.ServerReflection", "grpc.health.v1.Health"]],
  // Cloudstate's TCK compares this list.
  [ServerReflectionV1Alpha, ["grpc.reflection.v1alpha.ServerReflection"]],
] as const) {
  test(`${version.typeName} lists itself first, then the services in alphabetical order, whatever is asked`, (t) => {
    for (const value of ["", "*", "nonsense"])
      t.deepEqual(services(ask({ case: "listServices", value }, new Set(), version)), [
        ...own,
        ...discovered,
      ]);
  });
}

test("health is described too", (t) => {
  t.deepEqual(files(ask(symbol("grpc.health.v1.Health.Watch"))), ["grpc/health/v1/health.proto"]);
});

test("the host and the request are sent back", (t) => {
  const response = ask({ case: "listServices", value: "x" });
  t.is(response.validHost, "h");
  t.is(response.originalRequest?.host, "h");
  t.deepEqual(response.originalRequest?.messageRequest, { case: "listServices", value: "x" });
});

test("an unknown symbol is answered with no files", (t) => {
  t.deepEqual(files(ask(symbol("nobody.Knows"))), []);
  t.deepEqual(files(ask(symbol(""))), []);
});

const symbols = [
  "perdure.test.library.Library",
  "perdure.test.library.Library.GetBook",
  "perdure.test.library.Book",
  "perdure.test.library.Book.title",
  "perdure.test.library.SearchRequest.order",
  "perdure.test.library.Page.Cursor.token",
  "perdure.test.library.Genre",
  "perdure.test.library.NOVEL",
];

for (const name of symbols) {
  test(`${name} is found in its file`, (t) => {
    t.is(files(ask(symbol(name)))[0], "library.proto");
  });
}

test("a file comes with everything it imports, itself first, each once", (t) => {
  const [first, ...imports] = files(ask(symbol("perdure.test.library.Library")));
  t.is(first, "library.proto");
  t.deepEqual(imports.sort(), [
    "cloudstate/entity_key.proto",
    "google/api/annotations.proto",
    "google/api/http.proto",
    "google/api/httpbody.proto",
    "google/protobuf/any.proto",
    "google/protobuf/descriptor.proto",
    "google/protobuf/empty.proto",
    "google/protobuf/struct.proto",
    "google/protobuf/timestamp.proto",
    "google/protobuf/wrappers.proto",
  ]);
});

test("what was sent on a stream is not sent again, unless it is asked for", (t) => {
  const sent = new Set<string>();
  ask(symbol("perdure.test.library.Library"), sent);
  t.deepEqual(files(ask(symbol("perdure.test.library.Book"), sent)), ["library.proto"]);
  const asked = { case: "fileByFilename", value: "google/api/annotations.proto" } as const;
  t.deepEqual(files(ask(asked, sent)), ["google/api/annotations.proto"]);
});

test("the reflection services describe themselves", (t) => {
  t.deepEqual(files(ask(symbol("grpc.reflection.v1.ServerReflection"))), [
    "grpc/reflection/v1/reflection.proto",
  ]);
  const asked = { case: "fileByFilename", value: "grpc/reflection/v1alpha/reflection.proto" } as const;
  t.deepEqual(files(ask(asked)), ["grpc/reflection/v1alpha/reflection.proto"]);
});

test("a file is found by its name", (t) => {
  t.is(
    files(ask({ case: "fileByFilename", value: "google/protobuf/any.proto" }))[0],
    "google/protobuf/any.proto",
  );
  t.is(files(ask({ case: "fileByFilename", value: "none.proto" })), "5: file none.proto is not known here");
});

test("extensions are found by what they extend", (t) => {
  const containingType = "google.protobuf.FieldOptions";
  const known = {
    case: "fileContainingExtension",
    value: { containingType, extensionNumber: 1080 },
  } as const;
  t.is(files(ask(known))[0], "cloudstate/entity_key.proto");
  const unknown = { case: "fileContainingExtension", value: { containingType, extensionNumber: 1 } } as const;
  t.is(files(ask(unknown)), "5: extension 1 of google.protobuf.FieldOptions is not known here");
});

test("extension numbers are listed by type", (t) => {
  const numbers = (value: string) => {
    const { messageResponse } = ask({ case: "allExtensionNumbersOfType", value });
    return messageResponse.case === "allExtensionNumbersResponse"
      ? [messageResponse.value.baseTypeName, ...messageResponse.value.extensionNumber]
      : messageResponse.case;
  };
  t.deepEqual(numbers("google.protobuf.FieldOptions"), ["google.protobuf.FieldOptions", 1_080, 50_002]);
  t.deepEqual(numbers("perdure.test.library.Book"), ["perdure.test.library.Book"]);
  t.is(numbers("nobody.Knows"), "errorResponse");
});

test("a request that asks nothing is an error", (t) => {
  t.is(files(ask({ case: undefined })), "3: the request asks nothing");
});
