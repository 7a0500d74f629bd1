// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import { Status, StatusError } from "../grpc/mod.ts";
import { NO_METADATA } from "../protocol/mod.ts";
import type { Command, CommandReply, StreamedCommand } from "../router/mod.ts";

import { bySize } from "../../test/lib/by-size.ts";
import { until } from "../../test/lib/until.ts";
import { DEEDS, mixedRequest, openSession, send } from "./testdata/mixed-requests.ts";
import { runEndpoint } from "./testdata/running-endpoint.ts";

const MIXES = bySize({ full: 1_000, short: 100 });

/** The bound for all connections together. One connection may take only a part of it. */
const MAX_BYTES = 1_500_000;

const LARGE = Buffer.concat([Buffer.from([0x0a, 0x80, 0x89, 0x7a]), Buffer.alloc(2_000_000, "x")]);

test(`the account is exact: after ${MIXES} mixes of requests that end in every way nothing is taken (I11)`, async (t) => {
  const endpoint = await runEndpoint(
    t,
    answer,
    { maxBufferedBytes: MAX_BYTES, maxRequestBytes: 400_000 },
    answers,
  );
  const { bytes, requests, reserve } = endpoint.accounts;
  const free = (): readonly number[] => [bytes, requests].flatMap((each) => [each.available, each.nextFloor]);
  const before = free();
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(mixedRequest, { minLength: 1, maxLength: 8 }), async (mix) => {
      const session = openSession(endpoint.port);
      const sent = Promise.all(mix.map((request) => send(endpoint.port, session, request)));
      await sent;
      session.destroy();
      await until(
        `all is given back: ${JSON.stringify(mix)}`,
        () => bytes.used + requests.used + reserve.used === 0,
      );
    }),
    { numRuns: MIXES, endOnFailure: true },
  );
  t.log(`${refused} were refused for want of memory`);
  t.deepEqual(free(), before, "floors are free again too");

  async function answer(command: Command): Promise<CommandReply> {
    const payload = await deed(command, command.payload);
    if (payload.length > 0 && !command.call.bytes.take(payload.length)) {
      refused++;
      throw new StatusError(Status.RESOURCE_EXHAUSTED, "RESPONSE_BUFFER_FULL", "no memory");
    }
    return { payload, metadata: NO_METADATA };
  }

  async function* answers({ input, ...command }: StreamedCommand): AsyncIterable<CommandReply> {
    for await (const payload of input) yield await answer({ ...command, payload });
  }
});

async function deed({ call }: Pick<Command, "call">, payload: Uint8Array): Promise<Uint8Array> {
  switch (String.fromCharCode(payload.at(-1) ?? 0)) {
    case DEEDS.fail:
      throw new StatusError(Status.FAILED_PRECONDITION, "COMMAND_FAILED", "no");
    case DEEDS.gone:
      throw new StatusError(Status.UNAVAILABLE, "USER_FUNCTION_UNAVAILABLE", "gone");
    case DEEDS.crash:
      throw new TypeError("a bug");
    case DEEDS.large:
      return LARGE;
    case DEEDS.hang:
      await new Promise<void>((resolve) => call.onCancel(resolve));
      return payload;
    default:
      return payload;
  }
}
