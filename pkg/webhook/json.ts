// SPDX-License-Identifier: Apache-2.0

/** An object of Kubernetes as it came over the wire: nothing in it has been checked. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The value if it is an object, else undefined: an array, null and what has another shape count as absent. */
export function objectOf(value: unknown): JsonObject | undefined {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? (value as JsonObject) : undefined;
}

/** The objects of a list. Other items become empty objects, so that all items keep their indices. */
export function objectsOf(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.map((each) => objectOf(each) ?? {}) : [];
}

export function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

export function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

/** Labels or annotations: the entries that are texts. Usually all are, and then nothing is copied. */
export function textsOf(value: unknown): Readonly<Record<string, string>> {
  const object = objectOf(value) ?? {};
  if (hasTextsOnly(object)) return object;
  return Object.fromEntries(
    Object.entries(object).filter((entry): entry is [string, string] => isText(entry[1])),
  );
}

function hasTextsOnly(object: JsonObject): object is Readonly<Record<string, string>> {
  return Object.values(object).every(isText);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
