// SPDX-License-Identifier: Apache-2.0

import type { DescField, DescMessage, DescMethod, JsonValue } from "@bufbuild/protobuf";

import { sampleField, sampleMessage } from "./sample-json.ts";

/** How one method is called over HTTP. */
export interface Route {
  readonly method: DescMethod;
  /** `GET`, `PUT`, `POST`, `DELETE`, `PATCH`, another one that the rule names, or `*` for any. */
  readonly httpMethod: string;
  /** A template, as `/carts/{user_id}/items`. */
  readonly path: string;
  /** `*` if the body is the whole input message, a field's name if it is that field, empty if there is none. */
  readonly body: string;
}

/** A command for the shell that calls the route with plausible values. */
export function curlLine(route: Route, baseUrl: string): string {
  const { path, used } = fillPath(route);
  const body = bodyOf(route, used);
  const query = body === undefined || route.body !== "*" ? queryOf(route, used) : "";
  const url = quote(`${baseUrl}${path}${query}`);
  const natural = body === undefined ? "GET" : "POST";
  const verb = methodFlags(route.httpMethod, natural);
  if (body === undefined) return ["curl", ...verb, url].join(" ");
  const json = quote(JSON.stringify(body));
  return ["curl", ...verb, "-d", json, "-H", "'content-type: application/json'", url].join(" ");
}

function methodFlags(httpMethod: string, natural: string): readonly string[] {
  if (httpMethod === "*" || httpMethod === natural) return [];
  // With `-X HEAD` curl would wait for a body that never comes.
  return httpMethod === "HEAD" ? ["-I"] : ["-X", httpMethod];
}

/** The same call over gRPC; the proxy's reflection tells grpcurl the types. */
export function grpcurlLine(method: DescMethod, address: string): string {
  const message = quote(JSON.stringify(sampleMessage(method.input)));
  return `grpcurl -plaintext -d ${message} ${address} ${method.parent.typeName}/${method.name}`;
}

const VARIABLE = /\{([^}=]+)(?:=([^}]*))?\}/g;

/** The path with its variables and wildcards filled in, and the names of the fields that stand in it. */
function fillPath({ method, path }: Route): { readonly path: string; readonly used: ReadonlySet<string> } {
  const used = new Set<string>();
  const filled = path.replace(VARIABLE, (_match, name: string, pattern: string | undefined) => {
    used.add(name);
    const text = encodeURIComponent(asText(fieldAt(method.input, name)));
    return (pattern ?? "*").replaceAll(/\*\*?/g, text);
  });
  return { path: filled.replaceAll(/\*\*?/g, "x"), used };
}

/** The field that a variable names, which may be one of a message inside: `book.name`. */
function fieldAt(message: DescMessage, name: string): DescField | undefined {
  const [first = "", ...rest] = name.split(".");
  const field = message.fields.find((candidate) => candidate.name === first);
  if (rest.length === 0) return field;
  return field?.fieldKind === "message" ? fieldAt(field.message, rest.join(".")) : undefined;
}

function bodyOf({ method, body }: Route, used: ReadonlySet<string>): JsonValue | undefined {
  if (body === "") return undefined;
  if (body === "*") return sampleMessage(method.input, used);
  const field = method.input.fields.find((candidate) => candidate.name === body);
  return (field === undefined ? undefined : sampleField(field)) ?? {};
}

/** The fields with a single value that are neither in the path nor in the body. */
function queryOf({ method, body }: Route, used: ReadonlySet<string>): string {
  const parameters = method.input.fields
    .filter((field) => field.fieldKind === "scalar" || field.fieldKind === "enum")
    .filter((field) => !used.has(field.name) && field.name !== body)
    .filter((field) => field.oneof === undefined || field.oneof.fields[0] === field)
    .map((field) => `${encodeURIComponent(field.jsonName)}=${encodeURIComponent(asText(field))}`);
  return parameters.length === 0 ? "" : `?${parameters.join("&")}`;
}

function asText(field: DescField | undefined): string {
  const value = field === undefined ? undefined : sampleField(field);
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? String(value)
    : "x";
}

/** As one word of a POSIX shell. */
export function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
