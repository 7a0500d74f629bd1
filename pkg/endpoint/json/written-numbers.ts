// SPDX-License-Identifier: Apache-2.0

import type { JsonValue } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";

import { shapeOf } from "./message-shape.ts";
import { shortFloat } from "./short-float.ts";
import type { Change, WalkContext } from "./value-walk.ts";
import { messageChange } from "./value-walk.ts";

export interface WrittenNumbers extends WalkContext {
  /** Whether there is a -0, which `JSON.stringify` writes as 0. */
  hasNegativeZero: boolean;
}

const double: Change<WrittenNumbers> = (json, _twin, context) => {
  if (Object.is(json, -0)) context.hasNegativeZero = true;
  return json;
};

const float: Change<WrittenNumbers> = (json, twin, context) =>
  typeof json === "number" && json !== 0 ? shortFloat(json) : double(json, twin, context);

/** Any JSON value: of a `google.protobuf.Value`. */
const anything: Change<WrittenNumbers> = (json, twin, context) => {
  if (typeof json !== "object" || json === null) return double(json, twin, context);
  for (const value of Object.values(json)) if (value !== undefined) anything(value, twin, context);
  return json;
};

/** Gives floats their fewest digits, and notices a -0. Undefined for a type that cannot hold floats or doubles. */
export const writtenNumbers = messageChange<WrittenNumbers>("all", {
  scalar(type) {
    if (type === ScalarType.FLOAT) return float;
    return type === ScalarType.DOUBLE ? double : undefined;
  },
  special: (desc) => (shapeOf(desc).form === "json" ? anything : undefined),
});

/** Like `JSON.stringify`, but writes -0 with its sign. The JSON must not be deeper than `MAX_JSON_DEPTH`. */
export function stringifyWithSigns(json: JsonValue): string {
  if (Object.is(json, -0)) return "-0";
  if (typeof json !== "object" || json === null) return JSON.stringify(json);
  if (Array.isArray(json)) return `[${json.map(stringifyWithSigns).join(",")}]`;
  const entries = Object.keys(json).map(
    (key) => `${JSON.stringify(key)}:${stringifyWithSigns(json[key] as JsonValue)}`,
  );
  return `{${entries.join(",")}}`;
}
