// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { ManualClock } from "../../../pkg/base/test-doubles/mod.ts";

import { OwnersLine, ownersText } from "./owners-line.ts";

const NAMES = ["dev-1", "dev-2"];

const BEGIN = "10 shards of entities:";

function line() {
  const clock = new ManualClock();
  const shown: string[] = [];
  const owners = new OwnersLine({ names: NAMES, shards: 10, clock, show: (text) => shown.push(text) });
  return { clock, shown, owners };
}

test("the line names all proxies, and what none of them has", (t) => {
  const of = (first: number, second: number) =>
    ownersText(
      new Map([
        ["dev-1", first],
        ["dev-2", second],
      ]),
      10,
    );
  t.is(of(6, 4), `${BEGIN} dev-1 has 6, dev-2 has 4`);
  t.is(of(6, 0), `${BEGIN} dev-1 has 6, dev-2 has 0; nobody here has 4`);
});

test("it is shown when nothing has moved for a moment, and only if it says something new", (t) => {
  const { clock, shown, owners } = line();
  owners.changed("dev-1", 0);
  clock.advance(1_000);
  t.deepEqual(shown, []);

  owners.changed("dev-1", 10);
  clock.advance(200);
  owners.changed("dev-1", 5);
  clock.advance(200);
  owners.changed("dev-2", 5);
  clock.advance(299);
  t.deepEqual(shown, []);
  clock.advance(1);
  t.deepEqual(shown, [`${BEGIN} dev-1 has 5, dev-2 has 5`]);

  owners.changed("dev-2", 6);
  owners.changed("dev-2", 5);
  clock.advance(1_000);
  t.is(shown.length, 1);

  owners.changed("dev-2", 0);
  clock.advance(1_000);
  t.is(shown.at(-1), `${BEGIN} dev-1 has 5, dev-2 has 0; nobody here has 5`);
});

test("at the end nothing is shown any more", (t) => {
  const { clock, shown, owners } = line();
  owners.changed("dev-1", 10);
  owners.stop();
  owners.changed("dev-1", 9);
  clock.advance(1_000);
  t.deepEqual(shown, []);
});
