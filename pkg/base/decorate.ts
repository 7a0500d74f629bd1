// SPDX-License-Identifier: Apache-2.0

/**
 * The same object but for some of its methods, which the changes replace. The other methods and the properties are
 * those of the target, private ones included. All is looked up once, so that a call costs no more than one of the
 * target itself.
 */
export function decorate<T extends object>(target: T, changes: Partial<T>): T {
  const decorated = Object.create(Object.getPrototypeOf(target) as object | null) as T;
  for (const [key, { value }] of membersOf(target)) {
    if (Reflect.get(changes, key) !== undefined) continue;
    if (typeof value === "function") {
      Object.defineProperty(decorated, key, { value: (value as () => unknown).bind(target) });
    } else {
      Object.defineProperty(decorated, key, { get: () => Reflect.get(target, key, target) as unknown });
    }
  }
  for (const key of Reflect.ownKeys(changes)) {
    const value: unknown = Reflect.get(changes, key);
    if (value !== undefined) Object.defineProperty(decorated, key, { value });
  }
  return decorated;
}

/** The members of an object, its own and those of its classes. */
function membersOf(target: object): ReadonlyMap<string | symbol, PropertyDescriptor> {
  const members = new Map<string | symbol, PropertyDescriptor>();
  for (
    let of: object | null = target;
    of !== null && of !== Object.prototype;
    of = Object.getPrototypeOf(of) as object | null
  ) {
    for (const key of Reflect.ownKeys(of)) {
      const member = Object.getOwnPropertyDescriptor(of, key);
      if (key !== "constructor" && member !== undefined && !members.has(key)) members.set(key, member);
    }
  }
  return members;
}
