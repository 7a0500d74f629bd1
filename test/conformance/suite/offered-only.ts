// SPDX-License-Identifier: Apache-2.0

import { fromBinary, toBinary } from "@bufbuild/protobuf";

import { EntitySpecSchema, ProxyInfoSchema } from "../../../pkg/protocol/gen/cloudstate/entity_pb.ts";
import type { Tamper } from "../wire/interceptor.ts";
import { DISCOVER } from "../wire/paths.ts";

/**
 * Removes services whose type the proxy does not offer from the discovery's answer. Otherwise a proxy may refuse the
 * user function as a whole, as Cloudstate's does. If the proxy offers everything that is served, the bytes stay
 * unchanged.
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
