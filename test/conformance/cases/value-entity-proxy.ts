// SPDX-License-Identifier: Apache-2.0

import { effects, fails, forwards, replies } from "../kinds/answer.ts";
import type { Change } from "../kinds/value-entity.ts";
import {
  effectOn,
  failWith,
  forwardTo,
  valueEntityKind as kind,
  remove,
  update,
} from "../kinds/value-entity.ts";
import type { Case, Group, ProxySide } from "../suite/case.ts";
import { ObservedEntity } from "../suite/observed-entity.ts";
import { passivationCase } from "../suite/passivation-case.ts";

const needs = [kind.model.parent, kind.two.parent];

const updated = (value: string): { readonly change: Change } => ({ change: { update: value } });
const DELETED = { change: "delete" } as const;

const stateChanges: Case<ProxySide> = {
  name: "state changes",
  needs,
  async run(side) {
    const entity = new ObservedEntity(side, kind, side.nextEntityId());
    await entity.process([], replies(""));
    await entity.process(update("one"), replies("one", updated("one")));
    await entity.process(update("two"), replies("two", updated("two")));
    await entity.process([], replies("two"));
    await entity.process([remove], replies("", DELETED));
    await entity.process([], replies(""));
    await entity.process(update("foo"), replies("foo", updated("foo")));
    await entity.process([remove], replies("", DELETED));
    entity.expectNothingMore();
  },
};

const forwardsAndSideEffects: Case<ProxySide> = {
  name: "forwards and side effects",
  needs,
  async run(side) {
    const id = side.nextEntityId();
    const entity = new ObservedEntity(side, kind, id);
    const two = new ObservedEntity(side, kind, id, kind.two);
    await entity.process(update("one"), replies("one", updated("one")));
    await entity.process([forwardTo(id)], forwards(id));
    await two.expectCommand([], replies(""));
    await entity.process(effects(id).map(effectOn), replies("one", { effects: effects(id) }));
    await two.expectCommand([], replies(""));
    await entity.process([], replies("one"));
    entity.expectNothingMore();
    two.expectNothingMore();
  },
};

const failures: Case<ProxySide> = {
  name: "failures",
  needs,
  async run(side) {
    const entity = new ObservedEntity(side, kind, side.nextEntityId());
    await entity.process(update("one"), replies("one", updated("one")));
    await entity.process([failWith("expected failure")], fails("expected failure"));
    await entity.process([], replies("one"));
    entity.expectNothingMore();
  },
};

const httpApi: Case<ProxySide> = {
  name: "HTTP API",
  needs,
  async run(side) {
    const entity = new ObservedEntity(side, kind, side.nextEntityId());
    await entity.post([], replies(""));
    await entity.post(update("one"), replies("one", updated("one")));
    await entity.post([failWith("expected failure")], fails("expected failure"));
    await entity.post(update("two"), replies("two", updated("two")));
    await entity.post([], replies("two"));
    entity.expectNothingMore();
  },
};

export const valueEntityProxyGroup: Group = {
  half: "proxy",
  title: "verifying proxy test: value entity",
  cases: [stateChanges, forwardsAndSideEffects, failures, httpApi, passivationCase(kind)],
};
