// SPDX-License-Identifier: Apache-2.0

import { HttpError } from "./http-error.ts";
import type { HttpBinding } from "./http-rule.ts";

/**
 * The decoded values of the binding's path variables, in their order.
 *
 * @param segments the path's elements, still percent-encoded.
 * @throws HttpError MALFORMED_PATH
 */
export function pathValues(binding: HttpBinding, segments: readonly string[]): string[] {
  return binding.template.variables.map(({ start, end }) =>
    end === start + 1
      ? decode(segments[start] ?? "")
      : segments.slice(start, end).map(decodeKeepingSlashes).join("/"),
  );
}

function decode(segment: string): string {
  if (!segment.includes("%")) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new HttpError("MALFORMED_PATH", "the path has broken percent-encoding or is not UTF-8");
  }
}

/** In a variable of several elements an encoded slash stays encoded: it separates nothing (`google/api/http.proto`). */
function decodeKeepingSlashes(segment: string): string {
  return segment
    .split(/(%2[fF])/)
    .map((part, index) => (index % 2 === 1 ? part : decode(part)))
    .join("");
}
