// SPDX-License-Identifier: Apache-2.0

import type { PatchOperation } from "./json-patch.ts";

/** Why an object is refused. */
export type AdmissionCode =
  | "BAD_ANNOTATION"
  | "BAD_CONFIGURATION"
  | "CONFLICTING_ANNOTATIONS"
  | "IMAGE_NOT_ALLOWED"
  | "LOG_CHANGED"
  | "LOG_NOT_ALLOWED"
  | "LOG_OF_ANOTHER"
  | "NAME_TAKEN"
  | "NOT_A_SERVICE"
  | "PORT_TAKEN"
  | "REVISION_NAME_UNCHANGED"
  | "SCALE_NOT_ONE"
  | "TOO_FEW_SERVERS"
  | "UNKNOWN_ANNOTATION"
  | "UNKNOWN_POD";

export interface Problem {
  readonly code: AdmissionCode;
  /** The place in the object, as `spec.template.metadata.annotations`. */
  readonly field: string;
  /** What is wrong, and what to do. */
  readonly message: string;
}

/** Where most problems are: the annotations of the object itself. */
export const ANNOTATIONS = "metadata.annotations";

export function annotationProblem(code: AdmissionCode, message: string): Problem {
  return { code, field: ANNOTATIONS, message };
}

/** What the webhook decides about an object. */
export type Decision =
  /** An empty patch leaves it as it is, byte for byte. */
  | {
      readonly kind: "allow";
      readonly patch: readonly PatchOperation[];
      readonly warnings: readonly string[];
    }
  | { readonly kind: "deny"; readonly problems: readonly Problem[] };

export const UNCHANGED: Decision = { kind: "allow", patch: [], warnings: [] };

/** More problems would not help to mend an object, and would make the answer many times larger than the request. */
export const MAX_PROBLEMS = 10;

/** Longer than any text of ours with a value of usual length in it. */
const MAX_MESSAGE_CHARS = 1_500;

/** Refuses an object. Problems beyond `MAX_PROBLEMS` are left out, and long messages are cut. */
export function deny(...problems: readonly Problem[]): Decision {
  const said = problems.slice(0, MAX_PROBLEMS).map(({ code, field, message }) => {
    return { code, field, message: message.slice(0, MAX_MESSAGE_CHARS) };
  });
  return { kind: "deny", problems: said };
}
