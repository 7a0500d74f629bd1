// SPDX-License-Identifier: Apache-2.0

import type { DescService } from "@bufbuild/protobuf";

import type { ServedMethod, ServedService } from "../../pkg/userfunction/mod.ts";

/** The service as if a user function had announced it as an action. */
export function actionOf(desc: DescService): ServedService {
  const methods = new Map<string, ServedMethod>();
  const service: ServedService = {
    kind: "action",
    desc,
    extensions: new Set(),
    takesMetadata: true,
    methods,
  };
  for (const method of desc.methods) methods.set(method.name, { service, desc: method });
  return service;
}
