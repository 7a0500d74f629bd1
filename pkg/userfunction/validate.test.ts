// SPDX-License-Identifier: Apache-2.0

import { create } from "@bufbuild/protobuf";
import { file_google_protobuf_descriptor } from "@bufbuild/protobuf/wkt";
import test from "ava";

import { ACTION, ENTITY_KINDS } from "../entity/mod.ts";
import type { EntitySpec } from "../protocol/mod.ts";
import { ActionProtocol, EntitySpecSchema, EventSourced, ValueEntity } from "../protocol/mod.ts";

import { COUNTER_SERVICE, counterFile, counterSpec, descriptorSet } from "../../test/lib/counter.ts";
import { partlyServedSpec } from "../../test/lib/partly-served.ts";
import { file_cloudstate_entity_key } from "../protocol/gen/cloudstate/entity_key_pb.ts";
import { isEntityService } from "./spec.ts";
import { validateSpec, versionError } from "./validate.ts";

const SUPPORTED = ENTITY_KINDS.filter(({ name }) => name === "event-sourced");
const ALL = [...ENTITY_KINDS, ACTION];

test("a good spec is taken over: services, methods, persistence id, description", (t) => {
  const validation = validateSpec(counterSpec(), SUPPORTED);
  if (!validation.ok) return t.fail(validation.errors.join());
  const service = validation.spec.services.get(COUNTER_SERVICE);
  t.like(service, {
    kind: "event-sourced",
    persistenceId: "counter",
    snapshotVersion: "",
    passivationTimeoutMs: undefined,
  });
  t.deepEqual([...(service?.methods.keys() ?? [])], ["Add", "Get"]);
  t.is(validation.spec.description, "counter");
});

test("a service is of the kind that its protocol names, and needs what that kind needs", (t) => {
  const kindOf = (entityType: string, change: Partial<EntitySpec["entities"][number]> = {}) => {
    const spec = changedEntity((entity) => Object.assign(entity, { entityType, ...change }));
    const validation = validateSpec(spec, ALL);
    return validation.ok ? validation.spec.services.get(COUNTER_SERVICE)?.kind : validation.errors.join();
  };
  t.is(kindOf(EventSourced.typeName), "event-sourced");
  t.is(kindOf(ValueEntity.typeName), "value");
  t.regex(kindOf(ValueEntity.typeName, { persistenceId: "" }) ?? "", /no persistence id/);
  t.is(kindOf(ActionProtocol.typeName, { persistenceId: "" }), "action");
  t.regex(kindOf("cloudstate.crdt.Crdt") ?? "", /does not serve/);
});

test("methods of actions take all four shapes and need no key, those of entities do not", (t) => {
  const change = (file: ReturnType<typeof counterFile>): void => {
    delete file.messageType[0]!.field[0]!.options;
    Object.assign(file.service[0]!.method[0]!, { clientStreaming: true, serverStreaming: true });
    Object.assign(file.service[0]!.method[1]!, { serverStreaming: true });
  };
  const spec = changedFile(change);
  for (const { typeName } of [EventSourced, ValueEntity]) {
    spec.entities[0]!.entityType = typeName;
    const validation = validateSpec(spec, ALL);
    const errors = validation.ok ? [] : validation.errors;
    t.is(errors.length, 2);
    for (const error of errors) {
      t.true(error.includes(`methods of an ${typeName} service have to be unary`));
      t.true(error.includes("no field marked"));
    }
  }
  spec.entities[0]!.entityType = ActionProtocol.typeName;
  const validation = validateSpec(spec, ALL);
  const methods = validation.ok ? validation.spec.services.get(COUNTER_SERVICE)?.methods : undefined;
  t.deepEqual(
    [...(methods?.values() ?? [])].map((method) => [method.service.kind, method.desc.methodKind]),
    [
      ["action", "bidi_streaming"],
      ["action", "server_streaming"],
    ],
  );
});

test("a passivation time-out is taken over, and one that makes no sense is the default", (t) => {
  for (const [timeout, expected] of [
    [100n, 100],
    [0n, undefined],
    [-5n, undefined],
    [1n << 60n, 2_147_483_647],
  ] as const) {
    const spec = counterSpec();
    spec.entities[0]!.passivationStrategy = {
      $typeName: "cloudstate.EntityPassivationStrategy",
      strategy: { case: "timeout", value: { $typeName: "cloudstate.TimeoutPassivationStrategy", timeout } },
    };
    const validation = validateSpec(spec, SUPPORTED);
    const service = validation.ok ? validation.spec.services.get(COUNTER_SERVICE) : undefined;
    if (service === undefined || !isEntityService(service)) return t.fail();
    t.is(service.passivationTimeoutMs, expected);
  }
});

/** The counter, with its file changed. */
function changedFile(change: (file: ReturnType<typeof counterFile>) => void): EntitySpec {
  const file = counterFile();
  change(file);
  const imports = [file_cloudstate_entity_key.proto, file_google_protobuf_descriptor.proto];
  return counterSpec({ proto: descriptorSet([file, ...imports]) });
}

/** The counter, with its entity changed. */
function changedEntity(change: (entity: EntitySpec["entities"][number]) => void): EntitySpec {
  const spec = counterSpec();
  change(spec.entities[0]!);
  return spec;
}

const WRONG: readonly (readonly [name: string, spec: EntitySpec, error: RegExp])[] = [
  ["no entities", create(EntitySpecSchema), /announces no entities/],
  [
    "a service that is not described",
    changedEntity((entity) => (entity.serviceName = "a.B")),
    /a\.B is not in the desc/,
  ],
  [
    "an entity type that is not served",
    changedEntity((entity) => (entity.entityType = "cloudstate.crdt.Crdt")),
    /Counter is a cloudstate\.crdt\.Crdt, which this proxy does not serve; it serves cloudstate\.eventsourced/,
  ],
  [
    "no persistence id",
    changedEntity((entity) => (entity.persistenceId = "")),
    /Counter has no persistence id/,
  ],
  [
    "a service announced twice",
    counterSpec({ entities: [...counterSpec().entities, ...counterSpec().entities] }),
    /twice/,
  ],
  [
    "streamed methods only",
    changedFile((file) => {
      for (const method of file.service[0]!.method) method.serverStreaming = true;
    }),
    /Counter\.Add is streamed/,
  ],
  [
    "a method without a key",
    changedFile((file) => delete file.messageType[0]!.field[0]!.options),
    /Counter\.Get takes perdure\.test\.Request, which has no field marked \(cloudstate\.entity_key\)/,
  ],
  [
    "a missing import",
    counterSpec({ proto: descriptorSet([counterFile()]) }),
    /lacks cloudstate\/entity_key\.proto/,
  ],
  [
    "a circular import",
    changedFile((file) => file.dependency.push("counter.proto")),
    /circular import: counter\.proto ->/,
  ],
  [
    "garbage for descriptors",
    counterSpec({ proto: Buffer.from("garbage") }),
    /not a google\.protobuf\.FileDescriptorSet/,
  ],
];

for (const [name, spec, error] of WRONG) {
  test(`refused with a text that says what to change: ${name}`, (t) => {
    const validation = validateSpec(spec, SUPPORTED);
    t.regex(validation.ok ? "accepted" : validation.errors.join("\n"), error);
  });
}

test("every error is told, not only the first", (t) => {
  const spec = changedFile((file) => {
    for (const method of file.service[0]!.method) method.clientStreaming = true;
  });
  const validation = validateSpec(spec, SUPPORTED);
  t.is(validation.ok ? 0 : validation.errors.length, 2);
});

/** The counter, and a twin of it with other descriptors in its announcement. */
function withTwin(twin: Partial<EntitySpec["entities"][number]>): EntitySpec {
  const spec = changedFile((file) => file.service.push({ ...file.service[0]!, name: "Twin" }));
  const entity = { ...spec.entities[0]!, serviceName: "perdure.test.Twin", ...twin };
  return { ...spec, entities: [...spec.entities, entity] };
}

/** Names of what is served, and of what is not. */
function parts(spec: EntitySpec): readonly [served: string[], unserved: string[]] {
  const validation = validateSpec(spec, ALL);
  if (!validation.ok) return [[], validation.errors.map(() => "all")];
  const served = [...validation.spec.services].flatMap(([name, { methods }]) =>
    [...methods.keys()].map((method) => `${name.slice("perdure.test.".length)}.${method}`),
  );
  const unserved = validation.spec.unserved.map(({ what, service, method }) =>
    [what, service.slice("perdure.test.".length), method].filter(Boolean).join(" "),
  );
  return [served, unserved];
}

const BOTH = ["Counter.Add", "Counter.Get"];

test("a service that is not served leaves the others alone", (t) => {
  t.deepEqual(parts(withTwin({ entityType: "cloudstate.crdt.Crdt" })), [BOTH, ["calls Twin"]]);
  t.deepEqual(parts(withTwin({ persistenceId: "" })), [BOTH, ["calls Twin"]]);
  t.deepEqual(parts(withTwin({ serviceName: "perdure.test.None" })), [BOTH, ["calls None"]]);
});

test("a method that is not served leaves the others alone", (t) => {
  const streamed = changedFile((file) => (file.service[0]!.method[0]!.serverStreaming = true));
  t.deepEqual(parts(streamed), [["Counter.Get"], ["calls Counter Add"]]);
});

test("two services of one kind may share a persistence id, of different kinds neither is served", (t) => {
  const twin = ["Twin.Add", "Twin.Get"];
  t.deepEqual(parts(withTwin({})), [[...BOTH, ...twin], []]);
  const other = { entityType: ValueEntity.typeName };
  t.deepEqual(parts(withTwin(other)), [[], ["all", "all"]]);
  t.deepEqual(parts(withTwin({ ...other, persistenceId: "twin" })), [[...BOTH, ...twin], []]);
  // Actions have no entities, whatever they announce.
  t.deepEqual(parts(withTwin({ entityType: ActionProtocol.typeName })), [[...BOTH, ...twin], []]);
});

test("a service that is announced twice is not served, whichever announcement comes first", (t) => {
  const spec = withTwin({});
  const again = { ...spec, entities: [...spec.entities, { ...spec.entities[0]!, persistenceId: "other" }] };
  t.deepEqual(parts(again), [["Twin.Add", "Twin.Get"], ["calls Counter"]]);
});

test("a method whose events would not be delivered is served, and that is said", (t) => {
  const [served, unserved] = parts(partlyServedSpec("Listener"));
  t.deepEqual(served, ["Listener.Hear"]);
  t.deepEqual(unserved, ["events Listener Hear"]);
});

test("the protocol version has to be equal, and none at all is another one", (t) => {
  const info = (major: number, minor: number) =>
    counterSpec({
      serviceInfo: {
        ...counterSpec().serviceInfo!,
        protocolMajorVersion: major,
        protocolMinorVersion: minor,
      },
    }).serviceInfo;
  t.is(versionError(info(0, 2)), undefined);
  for (const [major, minor] of [
    [0, 1],
    [0, 3],
    [1, 2],
  ] as const) {
    t.regex(
      versionError(info(major, minor)) ?? "",
      new RegExp(`speaks protocol ${major}\\.${minor}, this proxy speaks 0\\.2`),
    );
  }
  t.regex(versionError(undefined) ?? "", /speaks protocol 0\.0/);
});
