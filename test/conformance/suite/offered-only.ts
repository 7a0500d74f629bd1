// SPDX-License-Identifier: Apache-2.0

import { fromBinary, toBinary } from "@bufbuild/protobuf";

import { EntitySpecSchema, ProxyInfoSchema } from "../../../pkg/protocol/gen/cloudstate/entity_pb.ts";
import type { Tamper } from "../wire/interceptor.ts";
import { DISCOVER } from "../wire/paths.ts";

/**
 * Leaves services of types that a proxy does not offer out of what it discovers, since it may refuse a user function that
 * serves any as a whole, as Cloudstate's does. A proxy that offers all that is served gets the very bytes.
 */
export function offeredOnly(): Tamper {
  let offered: readonly string[] = [];
  return (path, from, bytes) => {
    if (path !== DISCOVER) return bytes;
    if (from === "proxy") {
      offered = fromBinary(ProxyInfoSchema, bytes).supportedEntityTypes;
      return bytes;
    }
    const spec = fromBinary(EntitySpecSchema, bytes);
    const entities = spec.entities.filter(({ entityType }) => offered.includes(entityType));
    if (entities.length === spec.entities.length) return bytes;
    return toBinary(EntitySpecSchema, { ...spec, entities });
  };
}
