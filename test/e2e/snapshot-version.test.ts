// SPDX-License-Identifier: Apache-2.0

import type { ExecutionContext } from "ava";
import test from "ava";

import type { RunningServer } from "../../pkg/sdk/mod.ts";
import { eventSourced, on, serve } from "../../pkg/sdk/mod.ts";

import {
  EventSourcedTckModel,
  PersistedSchema,
} from "../conformance/gen/cloudstate/tck/model/eventsourced_pb.ts";
import type { LocalProxy } from "../lib/local-proxy.ts";
import { startLocalProxy } from "../lib/local-proxy.ts";
import { onSamePort } from "../lib/same-port.ts";
import { until } from "../lib/until.ts";

/** Stores the texts that it gets. Its state is these texts, spelled as the current version of the code spells them. */
function speller(snapshotVersion: string, spell: (text: string) => string) {
  return eventSourced(EventSourcedTckModel, PersistedSchema, {
    persistenceId: "speller",
    snapshotEvery: 2,
    snapshotVersion,
    passivationTimeoutMs: 1,
    commands: {
      process({ actions }, context) {
        for (const { action } of actions) {
          if (action.case === "emit") context.emit(PersistedSchema, { value: action.value.value });
        }
        return { message: context.state.value };
      },
    },
    events: [on(PersistedSchema, (state, { value }) => ({ value: state.value + spell(value) }))],
  });
}

const asItIs = (text: string): string => text;
const inCapitals = (text: string): string => text.toUpperCase();

async function say({ grpc }: LocalProxy, ...values: readonly string[]): Promise<string> {
  const actions = values.map((value) => ({ action: { case: "emit" as const, value: { value } } }));
  return (await grpc.call(EventSourcedTckModel.method.process, { id: "a", actions })).message;
}

/** Starts a proxy, and user functions that replace each other behind it. */
async function start(t: ExecutionContext) {
  const open = (entity: ReturnType<typeof speller>, port: number): Promise<RunningServer> =>
    serve({ entities: [entity], port, handleSignals: false, log: () => undefined });
  let current = await open(speller("1", asItIs), 0);
  t.teardown(() => current.close());
  const { port } = current;
  const local = await startLocalProxy(t, port);
  await local.ready();
  const deploy = async (entity: ReturnType<typeof speller>): Promise<void> => {
    const found = () => local.lines.filter((line) => line.includes('"user function found"')).length;
    const before = found();
    await current.close();
    current = await onSamePort(() => open(entity, port));
    await until("the new user function is found", () => found() > before);
  };
  return { local, deploy };
}

test("code that has changed gets the events instead of older snapshots, if it says so, and is wrong if it does not", async (t) => {
  const { local, deploy } = await start(t);
  t.is(await say(local, "a"), "a");
  t.is(await say(local, "b"), "ab");
  t.is(await say(local, "c"), "abc");
  await deploy(speller("1", inCapitals));
  t.is(await say(local), "abC", "the snapshot is that of the older code");
  await deploy(speller("2", inCapitals));
  t.is(await say(local), "ABC");
  t.is(await say(local, "d"), "ABCD");
  await deploy(speller("2", inCapitals));
  t.is(await say(local), "ABCD");
  await deploy(speller("1", asItIs));
  t.is(await say(local), "abcd", "nor does older code get newer snapshots");
  const told = local.lines.filter((line) => line.includes("snapshots of another version are not used"));
  t.true(told.length >= 2, told.join("\n"));
});
