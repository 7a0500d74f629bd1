// SPDX-License-Identifier: Apache-2.0

import { getOption, hasOption } from "@bufbuild/protobuf";
import type { DescField, DescMessage, DescMethod } from "@bufbuild/protobuf";

import { http } from "../../protocol/mod.ts";
import type { HttpRule } from "../../protocol/mod.ts";
import { parsePathTemplate, PathTemplateError } from "./path-template.ts";
import type { PathTemplate } from "./path-template.ts";
import { ANY_METHOD } from "./route-table.ts";

/** Where a request's body goes. */
export type BodyRule =
  /** It is ignored; the fields come from the path and the query. */
  | { readonly kind: "none" }
  /** It is the input message. */
  | { readonly kind: "message" }
  /** It is one message field of the input message; the query sets the others. */
  | { readonly kind: "field"; readonly field: DescField & { readonly fieldKind: "message" } };

/** One way to call a method over HTTP. */
export interface HttpBinding {
  readonly method: DescMethod;
  /** `GET`, `PUT`, `POST`, `DELETE`, `PATCH`, or `*` for any. */
  readonly httpMethod: string;
  readonly template: PathTemplate;
  /** The input fields of the template's variables, in their order. */
  readonly pathFields: readonly DescField[];
  readonly body: BodyRule;
  /** The field of the output message that is the whole answer; the message itself if undefined. */
  readonly responseField: DescField | undefined;
}

/** The bindings of a method, and what is wrong with those that are missing here. */
export interface HttpBindings {
  readonly bindings: readonly HttpBinding[];
  readonly errors: readonly string[];
}

/** A message that is not JSON but whatever it says: its bytes are the body, its content type the header. */
export function isHttpBody(message: DescMessage): boolean {
  return message.typeName === "google.api.HttpBody";
}

/** Reads the method's `google.api.http` option, or stands in for it (as Cloudstate's proxy does). */
export function httpBindings(method: DescMethod): HttpBindings {
  return hasOption(method, http) ? ruleBindings(method, getOption(method, http)) : defaultBindings(method);
}

function defaultBindings(method: DescMethod): HttpBindings {
  return { bindings: [wholeMessages(method)], errors: [] };
}

/** `POST /<service>/<Method>` with the input message as its body and the output message as the answer. */
export function wholeMessages(method: DescMethod): HttpBinding {
  return {
    method,
    httpMethod: "POST",
    template: parsePathTemplate(`/${method.parent.typeName}/${method.name}`),
    pathFields: [],
    body: { kind: "message" },
    responseField: undefined,
  };
}

/** The bindings of a rule and of its additional bindings, one level deep. */
export function ruleBindings(method: DescMethod, rule: HttpRule): HttpBindings {
  const bindings: HttpBinding[] = [];
  const errors: string[] = [];
  for (const one of [rule, ...rule.additionalBindings]) {
    try {
      if (one !== rule && one.additionalBindings.length > 0) {
        throw new RuleError("additional_bindings inside additional_bindings are not allowed");
      }
      bindings.push(readRule(method, one));
    } catch (error) {
      if (!(error instanceof RuleError)) throw error;
      const name = `${method.parent.typeName}.${method.name}`;
      errors.push(`google.api.http of ${name}: ${error.message}`);
    }
  }
  return { bindings, errors };
}

/** A broken rule; never leaves this file. */
class RuleError extends Error {}

function readRule(method: DescMethod, rule: HttpRule): HttpBinding {
  const name = `${method.parent.typeName}.${method.name}`;
  if (rule.selector !== "" && rule.selector !== name) {
    throw new RuleError(`selector must be empty or ${name}, not ${rule.selector}`);
  }
  const { httpMethod, path } = readPattern(rule);
  const template = readTemplate(path);
  return {
    method,
    httpMethod,
    template,
    pathFields: template.variables.map((variable) => pathField(method, variable.name, path)),
    body: readBody(method, rule.body, httpMethod),
    responseField: responseField(method, rule.responseBody),
  };
}

function readPattern(rule: HttpRule): { readonly httpMethod: string; readonly path: string } {
  const { pattern } = rule;
  switch (pattern.case) {
    case "get":
    case "put":
    case "post":
    case "delete":
    case "patch":
      return { httpMethod: pattern.case.toUpperCase(), path: pattern.value };
    case "custom":
      if (pattern.value.kind !== ANY_METHOD) {
        throw new RuleError(`custom kind must be *, not ${JSON.stringify(pattern.value.kind)}`);
      }
      return { httpMethod: ANY_METHOD, path: pattern.value.path };
    case undefined:
      throw new RuleError("it names no HTTP method and path");
  }
}

function readTemplate(path: string): PathTemplate {
  try {
    return parsePathTemplate(path);
  } catch (error) {
    if (!(error instanceof PathTemplateError)) throw error;
    throw new RuleError(`path ${JSON.stringify(path)}: ${error.message}`);
  }
}

function pathField(method: DescMethod, name: string, path: string): DescField {
  const where = `path ${JSON.stringify(path)}`;
  if (name.includes(".")) {
    throw new RuleError(`${where}: variable ${name} is nested; only a top-level field may stand in a path`);
  }
  const field = method.input.fields.find((candidate) => candidate.name === name);
  if (field === undefined) {
    throw new RuleError(`${where}: ${method.input.typeName} has no field ${name}`);
  }
  if (field.fieldKind !== "scalar") {
    const kind = field.fieldKind === "list" ? "repeated" : `of kind ${field.fieldKind}`;
    throw new RuleError(`${where}: field ${name} is ${kind}; only a single scalar may stand in a path`);
  }
  return field;
}

function readBody(method: DescMethod, body: string, httpMethod: string): BodyRule {
  if (body === "") return { kind: "none" };
  if (httpMethod === "GET" || httpMethod === "DELETE") {
    throw new RuleError(`body ${JSON.stringify(body)} is not possible, since ${httpMethod} has no body`);
  }
  if (body === "*") return { kind: "message" };
  const field = method.input.fields.find((candidate) => candidate.name === body);
  if (field === undefined) {
    throw new RuleError(`body: ${method.input.typeName} has no field ${body}`);
  }
  if (field.fieldKind !== "message") {
    throw new RuleError(`body: field ${body} must be a single message`);
  }
  return { kind: "field", field };
}

function responseField(method: DescMethod, name: string): DescField | undefined {
  if (name === "") return undefined;
  const field = method.output.fields.find((candidate) => candidate.name === name);
  if (field === undefined) {
    throw new RuleError(`response_body: ${method.output.typeName} has no field ${name}`);
  }
  return field;
}
