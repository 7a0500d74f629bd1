// SPDX-License-Identifier: Apache-2.0

import { METHODS } from "node:http";

import type { DescField, DescMessage, DescMethod } from "@bufbuild/protobuf";
import { getOption, hasOption } from "@bufbuild/protobuf";

import type { HttpRule } from "../../protocol/mod.ts";
import { http } from "../../protocol/mod.ts";

import { hasFieldsInJson } from "../json/message-shape.ts";
import type { PathTemplate } from "./path-template.ts";
import { PathTemplateError, parsePathTemplate } from "./path-template.ts";
import { ANY_METHOD } from "./route-table.ts";

/** Where a request's body goes. */
export type BodyRule =
  /** It is ignored; the fields come from the path and the query. */
  | { readonly kind: "none" }
  /** It is the input message. */
  | { readonly kind: "message" }
  /** It is one field of the input message; the query sets the others. */
  | { readonly kind: "field"; readonly field: DescField };

/** The field that a variable of a path sets. */
export interface PathField {
  /** As the template has it: `book.name`. */
  readonly name: string;
  /** The message fields on the way to it, from the input message on; empty if it is a field of the input message. */
  readonly parents: readonly DescField[];
  /** A scalar or an enum. */
  readonly field: DescField;
}

/** One way to call a method over HTTP. */
export interface HttpBinding {
  readonly method: DescMethod;
  /** `GET`, `PUT`, `POST`, `DELETE`, `PATCH`, another one that the rule names, or `*` for any. */
  readonly httpMethod: string;
  readonly template: PathTemplate;
  /** Those of the template's variables, in their order. */
  readonly pathFields: readonly PathField[];
  readonly body: BodyRule;
  /** The field of the output message that is the whole answer; the message itself if undefined. */
  readonly responseField: DescField | undefined;
}

/** The valid bindings of a method, and the errors of its other bindings. */
export interface HttpBindings {
  readonly bindings: readonly HttpBinding[];
  readonly errors: readonly string[];
}

/** Whether a message is a `google.api.HttpBody`: its bytes are the body, and its content type is the header. */
export function isHttpBody(message: DescMessage): boolean {
  return message.typeName === "google.api.HttpBody";
}

/** The same of a field, or of the whole message if there is none. */
export function isHttpBodyIn(whole: DescMessage, field: DescField | undefined): boolean {
  if (field === undefined) return isHttpBody(whole);
  return field.fieldKind === "message" && isHttpBody(field.message);
}

/** Reads the method's `google.api.http` option. Without one it gets a default binding (as in Cloudstate's proxy). */
export function httpBindings(method: DescMethod): HttpBindings {
  if (hasOption(method, http)) return ruleBindings(method, getOption(method, http));
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
  const pattern = patternOf(rule);
  if (pattern === undefined) throw new RuleError("it names no HTTP method and path");
  const { httpMethod, path } = pattern;
  checkMethod(httpMethod);
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

/** The HTTP method and the path of a rule, unchecked; undefined if it names none. */
export function patternOf({
  pattern,
}: HttpRule): { readonly httpMethod: string; readonly path: string } | undefined {
  if (pattern.case === undefined) return undefined;
  if (pattern.case === "custom") return { httpMethod: pattern.value.kind, path: pattern.value.path };
  return { httpMethod: pattern.case.toUpperCase(), path: pattern.value };
}

/** Node reads the methods of IANA's registry and no others. `CONNECT` has no path (RFC 9110, 9.3.6). */
function checkMethod(kind: string): void {
  if (kind === ANY_METHOD || (METHODS.includes(kind) && kind !== "CONNECT")) return;
  const text = `custom kind must be * or the name of an HTTP method with a path, as HEAD, not ${JSON.stringify(kind)}`;
  throw new RuleError(text);
}

function readTemplate(path: string): PathTemplate {
  try {
    return parsePathTemplate(path);
  } catch (error) {
    if (!(error instanceof PathTemplateError)) throw error;
    throw new RuleError(`path ${JSON.stringify(path)}: ${error.message}`);
  }
}

function pathField({ input }: DescMethod, name: string, path: string): PathField {
  const where = `path ${JSON.stringify(path)}`;
  const steps = name.split(".");
  const parents: DescField[] = [];
  let message = input;
  for (const step of steps.slice(0, -1)) {
    const parent = fieldOf(message, step, where);
    if (parent.fieldKind !== "message" || !hasFieldsInJson(parent.message))
      throw new RuleError(`${where}: field ${step} is ${kindOf(parent)}; only a single message has fields`);
    parents.push(parent);
    message = parent.message;
  }
  const last = steps.at(-1) ?? "";
  const field = fieldOf(message, last, where);
  if (field.fieldKind === "scalar" || field.fieldKind === "enum") return { name, parents, field };
  const text = `field ${last} is ${kindOf(field)}; only a single scalar or enum may stand in a path`;
  throw new RuleError(`${where}: ${text}`);
}

function fieldOf(message: DescMessage, name: string, where: string): DescField {
  const field = message.fields.find((candidate) => candidate.name === name);
  if (field === undefined) throw new RuleError(`${where}: ${message.typeName} has no field ${name}`);
  return field;
}

function kindOf(field: DescField): string {
  if (field.fieldKind === "list") return "repeated";
  return field.fieldKind === "message" ? `a ${field.message.typeName}` : `of kind ${field.fieldKind}`;
}

/** HTTP methods whose body has no meaning: proxies may drop or refuse it (RFC 9110, 9.3.1, 9.3.2, 9.3.8). */
const WITHOUT_BODY: readonly string[] = ["GET", "HEAD", "TRACE"];

function readBody({ input }: DescMethod, body: string, httpMethod: string): BodyRule {
  if (body === "") return { kind: "none" };
  if (WITHOUT_BODY.includes(httpMethod)) {
    throw new RuleError(`body ${JSON.stringify(body)} is not possible, since ${httpMethod} has no body`);
  }
  if (body === "*") return { kind: "message" };
  return { kind: "field", field: fieldOf(input, body, "body") };
}

function responseField(method: DescMethod, name: string): DescField | undefined {
  if (name === "") return undefined;
  return fieldOf(method.output, name, "response_body");
}
