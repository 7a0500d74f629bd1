// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { decorate } from "./decorate.ts";

class Base {
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(): number {
    return ++this.#count;
  }

  name(): string {
    return "base";
  }
}

class Derived extends Base {
  limit = 1;

  override name(): string {
    return "derived";
  }

  /** Calls another method of its own. */
  addTwice(): number {
    this.add();
    return this.add();
  }
}

test("all but the changes is that of the target", (t) => {
  const target = new Derived();
  const decorated = decorate(target, { name: () => `not ${target.name()}` });
  t.is(decorated.name(), "not derived");
  t.is(decorated.add(), 1);
  t.is(decorated.addTwice(), 3);
  t.is(decorated.count, 3);
  target.limit = 7;
  t.is(decorated.limit, 7);
  t.true(decorated instanceof Derived);
});

test("a method without its object is still that of the target, and a decorated object can be decorated", (t) => {
  const target = new Base();
  const { add } = decorate(decorate(target, {}), { name: () => "other" });
  t.is(add(), 1);
  t.is(target.count, 1);
});

test("a change that was left undefined changes nothing", (t) => {
  const changes: Partial<Base> = {};
  Reflect.set(changes, "name", undefined);
  t.is(decorate(new Base(), changes).name(), "base");
});
