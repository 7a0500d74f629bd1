// SPDX-License-Identifier: Apache-2.0

import { writeFileSync } from "node:fs";

import { CodedError, describeError, toError } from "../../pkg/base/mod.ts";
import { PROXY_SETTINGS } from "../../pkg/proxy/mod.ts";
import type { Texts } from "../../pkg/settings/mod.ts";
import { resolveSettings } from "../../pkg/settings/mod.ts";

/** The kubelet keeps at most so many bytes of a message. */
const MAX_BYTES = 4_096;

const { terminationMessageFile } = PROXY_SETTINGS;

/**
 * Writes why the proxy ends to `terminationMessageFile`, if there is one; Kubernetes shows it in the pod's status,
 * and Knative in that of the service. Only this setting is read, because the error may be in another one. Never
 * throws.
 */
export function leaveTerminationMessage(error: unknown, flags: Texts, env: Texts): void {
  const { path } = resolveSettings({ path: terminationMessageFile }, flags, env);
  if (path === "") return;
  try {
    writeFileSync(path, terminationMessage(error));
  } catch (thrown) {
    process.stderr.write(`perdure: the reason could not be written to ${path}: ${toError(thrown).message}\n`);
  }
}

/** In one line what happened, and its code in docs/errors.md. */
export function terminationMessage(error: unknown): string {
  const code = error instanceof CodedError ? ` (${String(error.code)})` : "";
  const room = MAX_BYTES - Buffer.byteLength(code);
  return shortened(describeError(error), room) + code;
}

/** The text, cut to at most `maxBytes` bytes without half a character at its end. */
function shortened(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  const ending = "…";
  const cut = new TextDecoder().decode(bytes.subarray(0, maxBytes - Buffer.byteLength(ending)), {
    stream: true,
  });
  return cut + ending;
}
