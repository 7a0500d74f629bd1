// SPDX-License-Identifier: Apache-2.0

import type { DescField, DescMethod, JsonValue } from "@bufbuild/protobuf";

import { sampleField, sampleMessage } from "./sample-json.ts";

/** How one method is called over HTTP. */
export interface Route {
  readonly method: DescMethod;
  /** `GET`, `PUT`, `POST`, `DELETE`, `PATCH`, or `*` for any. */
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
  const verb = route.httpMethod === "*" || route.httpMethod === natural ? [] : ["-X", route.httpMethod];
  if (body === undefined) return ["curl", ...verb, url].join(" ");
  const json = quote(JSON.stringify(body));
  return ["curl", ...verb, "-d", json, "-H", "'content-type: application/json'", url].join(" ");
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
    const field = method.input.fields.find((candidate) => candidate.name === name);
    const text = encodeURIComponent(asText(field));
    return (pattern ?? "*").replaceAll(/\*\*?/g, text);
  });
  return { path: filled.replaceAll(/\*\*?/g, "x"), used };
}

function bodyOf({ method, body }: Route, used: ReadonlySet<string>): JsonValue | undefined {
  if (body === "") return undefined;
  if (body === "*") return sampleMessage(method.input, used);
  const field = method.input.fields.find((candidate) => candidate.name === body);
  return (field === undefined ? undefined : sampleField(field)) ?? {};
}

/** The single values that neither the path nor the body has. */
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
