// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, DescService } from "@bufbuild/protobuf";

import type { EntityDefinition } from "./definition.ts";

/** A definition, ready for `serve` and for the test kit. Made by `valueEntity`. */
export interface ValueEntity<
  Service extends DescService = DescService,
  State extends DescMessage = DescMessage,
> extends EntityDefinition<Service, State> {
  readonly kind: "value";
}
