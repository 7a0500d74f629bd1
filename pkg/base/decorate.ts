// SPDX-License-Identifier: Apache-2.0

/**
 * The same object but for some of its methods, which the changes replace. The other methods and the properties are
 * those of the target, private ones included.
 */
export function decorate<T extends object>(target: T, changes: Partial<T>): T {
  return new Proxy(target, {
    get(_, key) {
      const changed: unknown = Reflect.get(changes, key);
      if (changed !== undefined) return changed;
      const own: unknown = Reflect.get(target, key, target);
      return typeof own === "function" ? (own as () => unknown).bind(target) : own;
    },
  });
}
