// SPDX-License-Identifier: Apache-2.0

import type { ServedMethod, UnservedPart, UserFunctionSpec } from "../../userfunction/mod.ts";

import { httpBindings } from "./http-rule.ts";
import { printPathTemplate } from "./path-template.ts";

/** One way to call a method over HTTP, for people. */
export interface HttpRoute {
  readonly method: ServedMethod;
  /** `GET`, `PUT`, `POST`, `DELETE`, `PATCH`, another one that the rule names, or `*` for any. */
  readonly httpMethod: string;
  /** As `/carts/{user_id}/items`. */
  readonly path: string;
  /** `*` if the body is the whole input message, a field's name if it is that field, empty if there is none. */
  readonly body: string;
}

/** Every HTTP route of a specification, in its order. */
export function httpRoutes(spec: UserFunctionSpec): HttpRoute[] {
  return methods(spec).flatMap((method) =>
    httpBindings(method.desc).bindings.map((binding) => ({
      method,
      httpMethod: binding.httpMethod,
      path: printPathTemplate(binding.template),
      body:
        binding.body.kind === "field" ? binding.body.field.name : binding.body.kind === "message" ? "*" : "",
    })),
  );
}

/** The `google.api.http` rules of a specification that cannot be served; empty if all can. */
export function checkHttpRules(spec: UserFunctionSpec): UnservedPart[] {
  return methods(spec).flatMap(({ service, desc }) =>
    httpBindings(desc).errors.map((error) => ({
      what: "http",
      service: service.desc.typeName,
      method: desc.name,
      reason: `${error}; only this rule is not served`,
    })),
  );
}

function methods(spec: UserFunctionSpec): ServedMethod[] {
  return [...spec.services.values()].flatMap((service) => [...service.methods.values()]);
}
