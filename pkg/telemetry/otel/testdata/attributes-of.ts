// SPDX-License-Identifier: Apache-2.0

import type { AttributeValue } from "../../telemetry.ts";
import type { RecordedSpan } from "../recorded-span.ts";

export function attributesOf(span: RecordedSpan | undefined): Record<string, AttributeValue> {
  const attributes: Record<string, AttributeValue> = Object.fromEntries(span?.atStart?.entries ?? []);
  for (let each = span?.firstAttribute; each !== undefined; each = each.next)
    attributes[each.name] = each.value;
  return Object.assign(attributes, Object.fromEntries(span?.atEnd?.entries ?? []));
}
