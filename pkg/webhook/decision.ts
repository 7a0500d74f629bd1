// SPDX-License-Identifier: Apache-2.0

import type { PatchOperation } from "./json-patch.ts";

/** Why an object is refused. */
export type AdmissionCode =
  | "BAD_ANNOTATION"
  | "BAD_CONFIGURATION"
  | "CONFLICTING_ANNOTATIONS"
  | "NAME_TAKEN"
  | "NOT_A_SERVICE"
  | "PORT_TAKEN"
  | "REVISION_NAME_UNCHANGED"
  | "SCALE_NOT_ONE"
  | "UNKNOWN_ANNOTATION"
  | "UNKNOWN_POD";

export interface Problem {
  readonly code: AdmissionCode;
  /** The place in the object, as `spec.template.metadata.annotations`. */
  readonly field: string;
  /** What is wrong, and what to do. */
  readonly message: string;
}

/** What becomes of an object. */
export type Decision =
  /** An empty patch leaves it as it is, byte for byte. */
  | {
      readonly kind: "allow";
      readonly patch: readonly PatchOperation[];
      readonly warnings: readonly string[];
    }
  | { readonly kind: "deny"; readonly problems: readonly Problem[] };

export const UNCHANGED: Decision = { kind: "allow", patch: [], warnings: [] };

export function deny(...problems: readonly Problem[]): Decision {
  return { kind: "deny", problems };
}
