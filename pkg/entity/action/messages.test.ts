// SPDX-License-Identifier: Apache-2.0

import type { MessageInitShape } from "@bufbuild/protobuf";
import { create, toBinary } from "@bufbuild/protobuf";
import test from "ava";
import fc from "fast-check";

import { ActionCommandSchema, messageTypeUrl, metadataMessage } from "../../protocol/mod.ts";
import { validateSpec } from "../../userfunction/mod.ts";

import { TALKS_SERVICE, talksSpec } from "../../../test/lib/talks.ts";
import { commandMessage, inputMessage, openMessage } from "./messages.ts";
import { ACTION } from "./runtime.ts";

test("the messages of a command have the bytes that toBinary gives them", (t) => {
  const validation = validateSpec(talksSpec(), [ACTION]);
  const methods = validation.ok
    ? [...(validation.spec.services.get(TALKS_SERVICE)?.methods.values() ?? [])]
    : [];
  t.true(methods.length > 0);
  const entry = fc.record({
    key: fc.string({ maxLength: 40 }),
    value: fc.oneof(fc.string(), fc.uint8Array({ maxLength: 40 })),
  });
  const wanted = (init: MessageInitShape<typeof ActionCommandSchema>): Uint8Array =>
    toBinary(ActionCommandSchema, create(ActionCommandSchema, init));
  fc.assert(
    fc.property(
      fc.constantFrom(...methods),
      fc.uint8Array({ maxLength: 300 }),
      fc.array(entry, { maxLength: 4 }),
      (method, value, metadata) => {
        const names = { serviceName: TALKS_SERVICE, name: method.desc.name };
        const payload = { typeUrl: messageTypeUrl(method.desc.input.typeName), value };
        const fields = metadata.length === 0 ? {} : { metadata: metadataMessage(metadata) };
        t.deepEqual(commandMessage(method, value, metadata), wanted({ ...names, payload, ...fields }));
        t.deepEqual(openMessage(method, metadata), wanted({ ...names, ...fields }));
        t.deepEqual(inputMessage(method, value), wanted({ payload }));
      },
    ),
  );
});
