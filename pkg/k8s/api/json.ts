// SPDX-License-Identifier: Apache-2.0

/** An object of Kubernetes as it came over the wire: nothing in it has been checked. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Undefined if the text is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The value if it is an object, else undefined: an array, null and what has another shape count as absent. */
export function objectOf(value: unknown): JsonObject | undefined {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? (value as JsonObject) : undefined;
}

export function objectOrEmpty(value: unknown): JsonObject {
  return objectOf(value) ?? {};
}

/** The objects of a list. Other items become empty objects, so that all items keep their indices. */
export function objectsOf(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.map(objectOrEmpty) : [];
}

export function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

export function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

/** Labels or annotations: the entries that are texts. Usually all are, and then nothing is copied. */
export function textsOf(value: unknown): Readonly<Record<string, string>> {
  const object = objectOrEmpty(value);
  if (hasTextsOnly(object)) return object;
  return Object.fromEntries(
    Object.entries(object).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

function hasTextsOnly(object: JsonObject): object is Readonly<Record<string, string>> {
  return Object.values(object).every((value) => typeof value === "string");
}

/** The version of an object or a list; "" if it has none. */
export function resourceVersionOf(object: JsonObject): string {
  return textOf(objectOrEmpty(object["metadata"])["resourceVersion"]) ?? "";
}
