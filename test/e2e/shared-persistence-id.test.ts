// SPDX-License-Identifier: Apache-2.0

import type { DescMethodUnary } from "@bufbuild/protobuf";
import { file_google_protobuf_descriptor } from "@bufbuild/protobuf/wkt";
import type { ExecutionContext } from "ava";
import test from "ava";

import type { EntitySpec } from "../../pkg/protocol/mod.ts";
import { EventSourced, messageTypeUrl, readDescriptors, ValueEntity } from "../../pkg/protocol/mod.ts";

import { file_cloudstate_entity_key } from "../../pkg/protocol/gen/cloudstate/entity_key_pb.ts";
import { COUNTER_REQUEST, counterFile, counterRequest, counterSpec, descriptorSet } from "../lib/counter.ts";
import { counterAmount, counterFunction } from "../lib/counter-function.ts";
import { statusOf } from "../lib/grpc-caller.ts";
import { startWorld } from "../lib/local-proxy.ts";
import type { ScriptedValueStream } from "../lib/scripted-entity.ts";
import type { Script } from "../lib/scripted-user-function.ts";

// An entity is identified by its type and its id. So two services with the same persistence id serve the same
// entities.

function twinSpec(entityType: string): EntitySpec {
  const file = counterFile();
  file.service.push({ ...file.service[0]!, name: "Twin" });
  const spec = counterSpec({
    proto: descriptorSet([file, file_cloudstate_entity_key.proto, file_google_protobuf_descriptor.proto]),
  });
  const entity = { ...spec.entities[0]!, entityType };
  return { ...spec, entities: [entity, { ...entity, serviceName: "perdure.test.Twin" }] };
}

const { registry } = readDescriptors(twinSpec(EventSourced.typeName).proto);

function methodOf(service: string, name: "add" | "get"): DescMethodUnary {
  const method = registry.getService(`perdure.test.${service}`)?.method[name];
  if (method === undefined) throw new Error(`no ${service}.${name}`);
  return method as DescMethodUnary;
}

/** The same of value entities: the value is the total. */
function valueFunction(): NonNullable<Script["onValueMessage"]> {
  const totals = new WeakMap<ScriptedValueStream, number>();
  return ({ message }, stream) => {
    if (message.case === "init") totals.set(stream, message.value.state?.value?.value.at(1) ?? 0);
    if (message.case !== "command") return;
    const { id: commandId, name, payload } = message.value;
    const amount = name === "Add" ? (payload?.value.at(-1) ?? 0) : 0;
    const total = (totals.get(stream) ?? 0) + amount;
    totals.set(stream, total);
    const value = { typeUrl: messageTypeUrl(COUNTER_REQUEST), value: counterRequest("", total) };
    // Removes the id.
    value.value = value.value.subarray(2);
    stream.send({
      message: {
        case: "reply",
        value: {
          commandId,
          clientAction: { action: { case: "reply", value: { payload: value } } },
          ...(name === "Add" && { stateAction: { action: { case: "update", value: { value } } } }),
        },
      },
    });
  };
}

const KINDS: Readonly<Record<string, Pick<Script, "onMessage" | "onValueMessage"> & { entityType: string }>> =
  {
    "event sourced": { entityType: EventSourced.typeName, onMessage: counterFunction() },
    value: { entityType: ValueEntity.typeName, onValueMessage: valueFunction() },
  };

for (const [kind, { entityType, ...functions }] of Object.entries(KINDS)) {
  const start = async (t: ExecutionContext) => {
    const world = await startWorld(t, { spec: twinSpec(entityType), ...functions });
    const call = async (service: string, name: "add" | "get", amount = 0, key?: string): Promise<number> => {
      const metadata = key === undefined ? {} : { "idempotency-key": key };
      return counterAmount(
        await world.grpc.call(methodOf(service, name), { id: "a", amount }, undefined, metadata),
      );
    };
    return { ...world, call };
  };

  test(`${kind}: what one service has stored the other reads at once, in both directions`, async (t) => {
    const { call, userFunction } = await start(t);
    let total = 0;
    for (const [writer, reader] of [
      ["Counter", "Twin"],
      ["Twin", "Counter"],
      ["Counter", "Twin"],
    ] as const) {
      total += 2;
      t.is(await call(writer, "add", 2), total);
      t.is(await call(reader, "get"), total);
      t.is(await call(writer, "get"), total);
    }
    // Each stream belongs to one service, which its first message names.
    const inits = [...userFunction.streams, ...userFunction.valueStreams].map(({ received }) => received[0]);
    for (const init of inits) t.is(init?.message.case, "init");
    const names = new Set(
      inits.map((init) => (init?.message.case === "init" ? init.message.value.serviceName : "")),
    );
    t.deepEqual([...names].sort(), ["perdure.test.Counter", "perdure.test.Twin"]);
    t.deepEqual(userFunction.reports, []);
  });

  test(`${kind}: commands of both at the same time are carried out one after the other`, async (t) => {
    const { call, lines } = await start(t);
    const services = Array.from({ length: 40 }, (_, i) => (i % 3 === 0 ? "Twin" : "Counter"));
    const totals = await Promise.all(services.map((service) => call(service, "add", 1)));
    t.deepEqual(
      [...totals].sort((a, b) => a - b),
      services.map((_, i) => i + 1),
    );
    t.is(await call("Twin", "get"), 40);
    t.false(
      lines.some((text) => text.includes("append failed")),
      "no append was refused",
    );
  });

  test(`${kind}: an idempotency key of one service is not taken for one of the other`, async (t) => {
    const { call } = await start(t);
    t.is(await call("Counter", "add", 1, "k"), 1);
    t.is(await call("Counter", "add", 1, "k"), 1);
    t.regex((await statusOf(call("Twin", "add", 1, "k"))).text, /idempotency key was used before/);
    t.is(await call("Twin", "get"), 1);
  });
}
