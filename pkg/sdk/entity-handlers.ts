// SPDX-License-Identifier: Apache-2.0

import type { handleBidiStreamingCall } from "@grpc/grpc-js";

import type { EntityInstance, EntityOut } from "./entity-instance.ts";
import { EntityStream } from "./entity-stream.ts";

/** Something that ends as soon as it can. */
export interface Drainable {
  drain(): void;
}

/** The `handle` method of a kind of entities. Each stream has an entity in memory, and is in `open` until it closes. */
export function entityHandler<In, Out extends EntityOut>(
  instance: () => EntityInstance<In, Out>,
  open: Set<Drainable>,
): handleBidiStreamingCall<In, Out> {
  const onClose = (stream: Drainable): boolean => open.delete(stream);
  return (call) => {
    open.add(new EntityStream(call, instance(), onClose));
  };
}
