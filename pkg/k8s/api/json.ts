// SPDX-License-Identifier: Apache-2.0

/** An object of Kubernetes as the API server sent it: nothing in it has been checked. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The value if it is an object, else an empty one. */
export function objectOrEmpty(value: unknown): JsonObject {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? (value as JsonObject) : {};
}

export function objectsOf(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.map(objectOrEmpty) : [];
}

/** The version of an object or a list; "" if it has none. */
export function resourceVersionOf(object: JsonObject): string {
  const version = objectOrEmpty(object["metadata"])["resourceVersion"];
  return typeof version === "string" ? version : "";
}
