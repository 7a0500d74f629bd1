// SPDX-License-Identifier: Apache-2.0

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import test from "ava";

import { ENTITY_KINDS } from "../entity/mod.ts";
import { EventSourced, ValueEntity } from "../protocol/mod.ts";
import { isEntityService, validateSpec } from "../userfunction/mod.ts";

import type { EntitySpec } from "../protocol/gen/cloudstate/entity_pb.ts";
import { EntitySchema, EntitySpecSchema, ProxyInfoSchema } from "../protocol/gen/cloudstate/entity_pb.ts";
import { entitySpec, proxyFaults } from "./discovery.ts";
import type { Served } from "./mod.ts";
import { Model } from "./test-model/gen/model_pb.ts";
import { modelEntity, valueModelEntity } from "./test-model/model.ts";

const info = { name: "test", version: "1" };
const SUPPORTED = [EventSourced.typeName, ValueEntity.typeName];

/** The specification as a proxy gets it over the wire. */
function discovered(...entities: readonly Served[]): EntitySpec {
  return fromBinary(EntitySpecSchema, toBinary(EntitySpecSchema, entitySpec(entities, info, info)));
}

test("a proxy learns the version of snapshots at discovery", (t) => {
  const validation = validateSpec(discovered(modelEntity({ snapshotVersion: "2 ß" })), ENTITY_KINDS);
  t.true(validation.ok);
  const service = validation.ok ? validation.spec.services.get(Model.typeName) : undefined;
  t.is(service !== undefined && isEntityService(service) ? service.snapshotVersion : undefined, "2 ß");
});

test("without a version discovery is Cloudstate's, and a version is a field that its message does not know", (t) => {
  const fieldsOf = (snapshotVersion: string): number[] => {
    const [entity] = discovered(modelEntity({ snapshotVersion })).entities;
    const reader = new BinaryReader(toBinary(EntitySchema, entity ?? create(EntitySchema)));
    const fields: number[] = [];
    while (reader.pos < reader.len) {
      const [number, wireType] = reader.tag();
      fields.push(number);
      reader.skip(wireType, number);
    }
    return fields;
  };
  t.deepEqual(fieldsOf(""), [1, 2, 3, 4]);
  t.deepEqual(fieldsOf("2"), [1, 2, 3, 4, 1000]);
});

test("a version that is too long, or is one of values, is refused with a reason", (t) => {
  const errorsOf = (served: Served, snapshotVersion: string): readonly string[] => {
    const spec = discovered(served);
    for (const entity of spec.entities) entity.snapshotVersion = snapshotVersion;
    const validation = validateSpec(spec, ENTITY_KINDS);
    return validation.ok ? [] : validation.errors;
  };
  t.deepEqual(errorsOf(modelEntity(), "x".repeat(101)), [
    "the snapshot version of service perdure.sdk.test.Model has 101 characters, 100 are allowed",
  ]);
  t.deepEqual(errorsOf(modelEntity(), "x".repeat(100)), []);
  t.regex(errorsOf(valueModelEntity(), "2")[0] ?? "", /its entities are values: they have no events/);
});

test("the developer is told if the proxy knows no versions", (t) => {
  const proxy = (proxyName: string) =>
    create(ProxyInfoSchema, { proxyName, protocolMinorVersion: 2, supportedEntityTypes: SUPPORTED });
  const versioned = modelEntity({ snapshotVersion: "2" });
  t.deepEqual(proxyFaults(proxy("perdure"), [versioned]), []);
  t.deepEqual(proxyFaults(proxy("other"), [modelEntity()]), []);
  t.deepEqual(proxyFaults(proxy("other"), [versioned]), [
    "the proxy other knows no snapshotVersion: it gives snapshots of older versions to this code too",
  ]);
});
