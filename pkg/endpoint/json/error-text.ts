// SPDX-License-Identifier: Apache-2.0

import { describeError } from "../../base/mod.ts";

const MAX_TEXT = 500;

/** The text of an error of protobuf-es, cut to `MAX_TEXT` characters because it may quote megabytes of input. */
export function errorText(error: unknown): string {
  const text = error instanceof Error ? error.message : describeError(error);
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}
