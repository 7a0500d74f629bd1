// SPDX-License-Identifier: Apache-2.0

import { create } from "@bufbuild/protobuf";
import type { FileDescriptorProto } from "@bufbuild/protobuf/wkt";
import { FileDescriptorProtoSchema, file_google_protobuf_descriptor } from "@bufbuild/protobuf/wkt";
import test from "ava";

import { file_cloudstate_entity_key } from "../../pkg/protocol/gen/cloudstate/entity_key_pb.ts";
import { COUNTER_SERVICE, counterFile, counterSpec, descriptorSet } from "../lib/counter.ts";
import { ADD, counterAmount, counterFunction } from "../lib/counter-function.ts";
import { statusOf } from "../lib/grpc-caller.ts";
import { startLocalProxy, startWorld } from "../lib/local-proxy.ts";
import type { Script } from "../lib/scripted-user-function.ts";
import { startScriptedUserFunction } from "../lib/scripted-user-function.ts";
import { until } from "../lib/until.ts";

const IMPORTS = [file_cloudstate_entity_key.proto, file_google_protobuf_descriptor.proto];
const EVENT_SOURCED = "cloudstate.eventsourced.EventSourced";
const VALUE = "cloudstate.valueentity.ValueEntity";

/** The counter's descriptors, changed. */
function changed(change: (file: FileDescriptorProto) => void): Uint8Array {
  const file = counterFile();
  change(file);
  return descriptorSet([file, ...IMPORTS]);
}

const entity = (entityType: string, serviceName = COUNTER_SERVICE, persistenceId = "counter") => ({
  ...counterSpec().entities[0]!,
  entityType,
  serviceName,
  persistenceId,
});
const version = (protocolMajorVersion: number, protocolMinorVersion: number) => ({
  ...counterSpec().serviceInfo!,
  protocolMajorVersion,
  protocolMinorVersion,
});
const importing = (name: string, dependency: string[]) =>
  create(FileDescriptorProtoSchema, { name, dependency });
const { serviceInfo: _, ...withoutServiceInfo } = counterSpec();

interface BadAnswer {
  readonly title: string;
  readonly spec: Script["spec"];
  readonly error: RegExp;
}

const BAD_ANSWERS: readonly BadAnswer[] = [
  {
    title: "missing imports",
    spec: counterSpec({ proto: descriptorSet([counterFile()]) }),
    error: /lacks cloudstate\/entity_key.proto, which counter.proto imports/,
  },
  {
    title: "circular imports",
    spec: counterSpec({
      proto: descriptorSet([importing("a.proto", ["b.proto"]), importing("b.proto", ["a.proto"])]),
    }),
    error: /circular import: a.proto -> b.proto -> a.proto/,
  },
  {
    title: "descriptors that are none",
    spec: counterSpec({ proto: Buffer.from("what is this?") }),
    error: /not a google.protobuf.FileDescriptorSet/,
  },
  {
    title: "descriptors that contradict themselves",
    spec: counterSpec({
      proto: changed((file) => {
        file.service[0]!.method[0]!.inputType = ".perdure.test.Missing";
      }),
    }),
    error: /descriptor set cannot be used: .*perdure.test.Missing/,
  },
  {
    title: "no descriptors",
    spec: counterSpec({ proto: new Uint8Array(0) }),
    error: /service perdure.test.Counter is not in the descriptors/,
  },
  {
    title: "a newer protocol",
    spec: counterSpec({ serviceInfo: version(0, 3) }),
    error: /speaks protocol 0.3/,
  },
  {
    title: "an older protocol",
    spec: counterSpec({ serviceInfo: version(0, 1) }),
    error: /speaks protocol 0.1/,
  },
  { title: "no protocol version", spec: { ...withoutServiceInfo }, error: /speaks protocol 0.0/ },
  { title: "no entities", spec: counterSpec({ entities: [] }), error: /announces no entities/ },
  {
    title: "an unknown entity type",
    spec: counterSpec({ entities: [entity("cloudstate.crdt.Crdt")] }),
    error:
      /is a cloudstate.crdt.Crdt, which this proxy does not serve; it serves cloudstate.eventsourced.EventSourced/,
  },
  {
    title: "a service without descriptors",
    spec: counterSpec({ entities: [entity(EVENT_SOURCED, "a.B")] }),
    error: /service a.B is not in the descriptors/,
  },
  {
    title: "a service that is announced twice",
    spec: counterSpec({ entities: [entity(EVENT_SOURCED), entity(EVENT_SOURCED)] }),
    error: /announced twice/,
  },
  {
    title: "no persistence id",
    spec: counterSpec({ entities: [entity(EVENT_SOURCED, COUNTER_SERVICE, "")] }),
    error: /has no persistence id/,
  },
  {
    title: "streamed methods only",
    spec: counterSpec({
      proto: changed((file) => {
        for (const method of file.service[0]!.method) method.serverStreaming = true;
      }),
    }),
    error: /method perdure.test.Counter.Add is streamed/,
  },
  {
    title: "methods without a key only",
    spec: counterSpec({ proto: changed((file) => delete file.messageType[0]!.field[0]!.options) }),
    error: /method perdure.test.Counter.Add takes perdure.test.Request, which has no field marked/,
  },
  {
    title: "services of different kinds with one persistence id",
    spec: counterSpec({
      proto: changed((file) => file.service.push({ ...file.service[0]!, name: "Twin" })),
      entities: [entity(EVENT_SOURCED), entity(VALUE, "perdure.test.Twin")],
    }),
    error: /Counter \(event-sourced\) and perdure.test.Twin \(value\) have the same persistence id "counter"/,
  },
];

for (const { title, spec, error } of BAD_ANSWERS) {
  test(`${title}: refused once, with the reason; a corrected user function is served`, async (t) => {
    const bad = await startScriptedUserFunction({ spec });
    t.teardown(() => bad.kill());
    const local = await startLocalProxy(t, bad.port);
    await until("the user function is told", () => bad.reports.length > 0);
    t.regex(bad.reports.join("\n"), error);
    const { status, body } = await local.readyz();
    t.is(status, 503);
    t.regex(body, error);
    const refused = await local.http.call("/perdure.test.Counter/Add", { body: { id: "a" } });
    t.like(refused, { status: 501, errorCode: "USER_FUNCTION_REFUSED" });
    t.true(refused.body.startsWith("refused: "));
    t.regex(refused.body, error);
    const { code, text } = await statusOf(local.grpc.call(ADD, { id: "a" }));
    t.deepEqual([code, text], [12, refused.body]);
    t.is(bad.discoveries.length, 1);

    bad.kill();
    const corrected = await startScriptedUserFunction({
      spec: counterSpec(),
      port: bad.port,
      onMessage: counterFunction(),
    });
    t.teardown(() => corrected.kill());
    await local.ready();
    t.is(counterAmount(await local.grpc.call(ADD, { id: "a", amount: 3 })), 3);
    t.is(corrected.discoveries.length, 1);
    t.is(bad.discoveries.length, 1);
  });
}

test("garbage for an answer: the proxy says so, tries again, and serves the corrected user function", async (t) => {
  const discoveryBytes = Buffer.from("\xff\xff garbage", "latin1");
  const bad = await startScriptedUserFunction({ spec: counterSpec(), discoveryBytes });
  t.teardown(() => bad.kill());
  const local = await startLocalProxy(t, bad.port);
  await until("it is asked again", () => bad.discoveries.length > 1);
  const { status, body } = await local.readyz();
  t.is(status, 503);
  t.regex(body, /the answer to discovery is not a cloudstate.EntitySpec message/);
  const refused = await local.http.call("/perdure.test.Counter/Add", { body: { id: "a" } });
  t.like(refused, { status: 503, errorCode: "USER_FUNCTION_UNAVAILABLE" });

  bad.kill();
  const script = { spec: counterSpec(), port: bad.port, onMessage: counterFunction() };
  const corrected = await startScriptedUserFunction(script);
  t.teardown(() => corrected.kill());
  await local.ready();
  t.is(counterAmount(await local.grpc.call(ADD, { id: "a", amount: 3 })), 3);
});

test("with the protocol check switched off, another version is served", async (t) => {
  const script = { spec: counterSpec({ serviceInfo: version(0, 1) }), onMessage: counterFunction() };
  const { grpc, userFunction, lines } = await startWorld(t, script, {
    PERDURE_PROTOCOL_CHECK: "false",
  });
  t.is(counterAmount(await grpc.call(ADD, { id: "a", amount: 3 })), 3);
  t.deepEqual(userFunction.reports, []);
  t.true(lines.some((line) => line.includes("protocol version is not checked")));
});
