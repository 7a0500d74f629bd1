// SPDX-License-Identifier: Apache-2.0

import { objectOf } from "../k8s/mod.ts";

/** One step of a JSON patch (RFC 6902). */
export type PatchOperation =
  | { readonly op: "add" | "replace"; readonly path: string; readonly value: unknown }
  | { readonly op: "remove"; readonly path: string };

/** A JSON pointer (RFC 6901) to the place that these names lead to. */
export function pointer(...names: readonly (string | number)[]): string {
  return names.map((name) => `/${String(name).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/**
 * Sets and removes entries of a map of texts, such as labels. Only differences are written, in the order of the keys. A
 * missing map is created.
 *
 * @param path of the map; its parent must exist.
 * @param wanted the value by key; undefined removes it.
 */
export function setEntries(
  path: string,
  current: unknown,
  wanted: Readonly<Record<string, string | undefined>>,
): readonly PatchOperation[] {
  const map = objectOf(current);
  const keys = Object.keys(wanted).sort();
  if (map === undefined) {
    const entries = keys.filter((key) => wanted[key] !== undefined).map((key) => [key, wanted[key]]);
    return entries.length === 0 ? [] : [{ op: "add", path, value: Object.fromEntries(entries) }];
  }
  return keys.flatMap((key): readonly PatchOperation[] => {
    const value = wanted[key];
    const isThere = Object.hasOwn(map, key);
    if (value === undefined) return isThere ? [{ op: "remove", path: path + pointer(key) }] : [];
    if (map[key] === value) return [];
    return [{ op: isThere ? "replace" : "add", path: path + pointer(key), value }];
  });
}

/** Adds an item to the end of a list, which is made if it is missing. */
export function appendItem(path: string, current: unknown, item: unknown): PatchOperation {
  return Array.isArray(current)
    ? { op: "add", path: `${path}/-`, value: item }
    : { op: "add", path, value: [item] };
}
