// SPDX-License-Identifier: Apache-2.0

import type { Answer } from "../kinds/answer.ts";
import { effects, fails, forwards, replies } from "../kinds/answer.ts";
import type { Action, Change, Stored } from "../kinds/event-sourced.ts";
import { effectOn, emit, failWith, forwardTo, eventSourcedKind as kind } from "../kinds/event-sourced.ts";
import type { Case, Group, ProxySide } from "../suite/case.ts";
import { ObservedEntity } from "../suite/observed-entity.ts";
import { passivationCase } from "../suite/passivation-case.ts";

const needs = [kind.model.parent, kind.two.parent];

const change = (events: readonly string[], snapshot?: string): { readonly change: Change } => ({
  change: { events, ...(snapshot !== undefined && { snapshot }) },
});

const stateChanges: Case<ProxySide> = {
  name: "state changes",
  needs,
  async run(side) {
    const entity = new ObservedEntity(side, kind, side.nextEntityId());
    await entity.process([], replies(""));
    await entity.process(emit("A"), replies("A", change(["A"])));
    await entity.process(emit("B", "C", "D"), replies("ABCD", change(["B", "C", "D"])));
    await entity.process(emit("E"), replies("ABCDE", change(["E"], "ABCDE")));
    await entity.process(emit("F", "G", "H", "I"), replies("ABCDEFGHI", change(["F", "G", "H", "I"])));
    await entity.process(emit("J", "K"), replies("ABCDEFGHIJK", change(["J", "K"], "ABCDEFGHIJK")));
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
    await entity.process(emit("one"), replies("one", change(["one"])));
    await entity.process([forwardTo(id)], forwards(id));
    await two.expectCommand([], replies(""));
    await entity.process(effects(id).map(effectOn), replies("one", { effects: effects(id) }));
    await two.expectCommand([], replies(""));
    entity.expectNothingMore();
    two.expectNothingMore();
  },
};

const failures: Case<ProxySide> = {
  name: "failures",
  needs,
  async run(side) {
    const entity = new ObservedEntity(side, kind, side.nextEntityId());
    await entity.process(emit("1", "2", "3"), replies("123", change(["1", "2", "3"])));
    await entity.process([failWith("expected failure")], fails("expected failure"));
    await entity.process([], replies("123"));
    const actions = [...emit("4"), failWith("another failure"), ...emit("5")];
    const answers = failureAfterEmits("another failure");
    await expectRestart(entity, await entity.process(actions, ...answers), { events: ["1", "2", "3"] });
    await entity.process(emit("4", "5"), replies("12345", change(["4", "5"], "12345")));
    entity.expectNothingMore();
  },
};

const httpApi: Case<ProxySide> = {
  name: "HTTP API",
  needs,
  async run(side) {
    const entity = new ObservedEntity(side, kind, side.nextEntityId());
    await entity.post([], replies(""));
    await entity.post(emit("x"), replies("x", change(["x"])));
    await entity.post([failWith("expected failure")], fails("expected failure"));
    await entity.post(emit("y"), replies("xy", change(["y"])));
    const actions = [...emit("z"), failWith("emit then fail")];
    const answers = failureAfterEmits("emit then fail");
    await expectRestart(entity, await entity.post(actions, ...answers), { events: ["x", "y"] });
    await entity.post(emit("z"), replies("xyz", change(["z"])));
    entity.expectNothingMore();
  },
};

/** The user function asks the proxy to read the entity again, or it has undone its events itself. */
function failureAfterEmits(text: string) {
  return [fails(text, { restart: true }), fails(text)] as const;
}

/** If the answer asks for a restart, the proxy must read the entity again at once, before the next command. */
async function expectRestart(
  entity: ObservedEntity<Action, Stored, Change>,
  { outcome }: Answer<Change>,
  stored: Stored,
): Promise<void> {
  if (outcome.kind !== "failure" || !outcome.restart) return;
  await entity.expectClosed();
  await entity.expectActivation(stored);
}

export const eventSourcedProxyGroup: Group = {
  half: "proxy",
  title: "verifying proxy test: event sourced entity",
  cases: [stateChanges, forwardsAndSideEffects, failures, httpApi, passivationCase(kind)],
};
