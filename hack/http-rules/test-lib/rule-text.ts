// SPDX-License-Identifier: Apache-2.0

import type { DescMethod } from "@bufbuild/protobuf";
import { getOption, hasOption } from "@bufbuild/protobuf";

import type { HttpRule } from "../../../pkg/protocol/mod.ts";
import { http } from "../../../pkg/protocol/mod.ts";

/** The method's rule as it stands in a `.proto` file, in one line; `none` if it has none. */
export function ruleText(method: DescMethod): string {
  return hasOption(method, http) ? printRule(getOption(method, http)).join(" ") : "none";
}

function printRule(rule: HttpRule): string[] {
  const { pattern } = rule;
  const text = (name: string, value: string): string[] => (value === "" ? [] : [`${name}: "${value}"`]);
  const parts = text("selector", rule.selector);
  if (pattern.case === "custom")
    parts.push(`custom { kind: "${pattern.value.kind}" path: "${pattern.value.path}" }`);
  else if (pattern.case !== undefined) parts.push(`${pattern.case}: "${pattern.value}"`);
  parts.push(...text("body", rule.body), ...text("response_body", rule.responseBody));
  for (const more of rule.additionalBindings)
    parts.push(`additional_bindings { ${printRule(more).join(" ")} }`);
  return parts;
}
