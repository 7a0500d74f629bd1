// SPDX-License-Identifier: Apache-2.0

/** What the map has under the key; made and put in first if there is nothing. */
export function getOrMake<K, V>(map: Map<K, V>, key: K, make: (key: K) => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make(key);
  map.set(key, made);
  return made;
}
