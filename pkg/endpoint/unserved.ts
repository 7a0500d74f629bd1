// SPDX-License-Identifier: Apache-2.0

import type { DescMethod } from "@bufbuild/protobuf";
import { getOption, hasOption } from "@bufbuild/protobuf";

import type { BidiMethod, StatusError } from "../grpc/mod.ts";
import { http } from "../protocol/mod.ts";
import type { UnservedPart, UserFunctionSpec } from "../userfunction/mod.ts";
import { notServed } from "../userfunction/mod.ts";

import { patternOf } from "./http/http-rule.ts";
import type { PathTemplate } from "./http/path-template.ts";
import { PathTemplateError, parsePathTemplate } from "./http/path-template.ts";
import { ANY_METHOD, RouteTable } from "./http/route-table.ts";

/**
 * The refusals of calls to parts that the user function announces and the proxy does not serve. They are looked up
 * after no served method was found, so that they cost other calls nothing.
 *
 * 1. A refused method, and every method of a refused service, is refused on every way to call it: its path, which gRPC,
 *    gRPC-Web and WebSockets share, and the paths of its HTTP rules.
 * 2. A refused HTTP rule is refused at its own path, as far as that can be read, and at `/<service>/<Method>`, by
 *    HTTP alone.
 */
export class Unserved {
  /** By `/shop.Cart/Add`, or `/shop.Cart/` for all of a service. */
  readonly #calls = new Map<string, UnservedPart>();
  readonly #http = new RouteTable<UnservedPart>();

  constructor({ unserved, descriptors }: UserFunctionSpec) {
    for (const part of unserved) {
      const service = descriptors.registry.getService(part.service);
      if (part.what === "calls") this.#calls.set(`/${part.service}/${part.method ?? ""}`, part);
      if (part.what === "events" || service === undefined) continue;
      for (const method of service.methods)
        if (part.method === undefined || part.method === method.name) this.#refuseHttp(part, method);
    }
  }

  /** @param path as `/shop.Cart/Add`. */
  call(path: string): StatusError | undefined {
    if (this.#calls.size === 0) return undefined;
    const part = this.#calls.get(path) ?? this.#calls.get(path.slice(0, path.lastIndexOf("/") + 1));
    return part && notServed(part);
  }

  /** @param path starts with `/` and has no query. */
  request(httpMethod: string, path: string): StatusError | undefined {
    const part = this.#http.find(httpMethod, path)?.route;
    return part === undefined ? this.call(path) : notServed(part);
  }

  #refuseHttp(part: UnservedPart, method: DescMethod): void {
    const own = template(`/${method.parent.typeName}/${method.name}`);
    if (own !== undefined) this.#http.add(ANY_METHOD, own, part);
    if (!hasOption(method, http)) return;
    const rule = getOption(method, http);
    for (const pattern of [rule, ...rule.additionalBindings].map(patternOf)) {
      const place = pattern && template(pattern.path);
      if (pattern !== undefined && place !== undefined) this.#http.add(pattern.httpMethod, place, part);
    }
  }
}

/** Fails each call at once, whatever its shape, without waiting for a message. */
export function failing(error: StatusError): BidiMethod {
  return { kind: "bidi", handle: (call) => call.fail(error) };
}

/** Undefined if the path itself is what makes the rule invalid. */
function template(path: string): PathTemplate | undefined {
  try {
    return parsePathTemplate(path);
  } catch (error) {
    if (error instanceof PathTemplateError) return undefined;
    throw error;
  }
}
