// SPDX-License-Identifier: Apache-2.0

/** The same function, but called once for each object: its result is kept as long as the object. */
export function onceForEach<K extends object, V>(make: (object: K) => V): (object: K) => V {
  const results = new WeakMap<K, V>();
  return (object) => {
    const known = results.get(object);
    if (known !== undefined || results.has(object)) return known as V;
    const made = make(object);
    results.set(object, made);
    return made;
  };
}
