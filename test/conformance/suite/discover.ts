// SPDX-License-Identifier: Apache-2.0

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";

import type { EntitySpec } from "../../../pkg/protocol/gen/cloudstate/entity_pb.ts";
import { EntitySpecSchema, ProxyInfoSchema } from "../../../pkg/protocol/gen/cloudstate/entity_pb.ts";
import { DISCOVER, PROTOCOL_TYPES } from "../wire/paths.ts";
import type { Peer } from "../wire/peer.ts";
import { ExpectationError, nameOf } from "./expectation.ts";

/**
 * Runs the discovery of a user function, like a proxy of protocol 0.2 that supports all entity types of the suite.
 *
 * @throws ExpectationError if the user function does not answer.
 */
export async function discover(service: Peer, withinMs: number): Promise<EntitySpec> {
  const call = service.open(DISCOVER);
  const info = create(ProxyInfoSchema, {
    protocolMajorVersion: 0,
    protocolMinorVersion: 2,
    proxyName: "perdure-tck",
    proxyVersion: "0.1.0",
    supportedEntityTypes: [...PROTOCOL_TYPES],
  });
  call.send(toBinary(ProxyInfoSchema, info));
  call.complete();
  const arrival = await call.answers.next(withinMs);
  if (arrival?.kind === "message") return fromBinary(EntitySpecSchema, arrival.bytes);
  throw new ExpectationError(`discovery: ${nameOf(arrival, withinMs)}`);
}
