// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, DescService, Message } from "@bufbuild/protobuf";

import type { MethodEntry } from "./definition.ts";

/** A definition, ready for `serve` and for the test kit. Made by `valueEntity`. */
export interface ValueEntity<
  Service extends DescService = DescService,
  State extends DescMessage = DescMessage,
> {
  readonly kind: "value";
  readonly service: Service;
  readonly persistenceId: string;
  readonly state: State;
  readonly passivationTimeoutMs: number | undefined;
  /** By the method's name on the wire. */
  readonly methods: ReadonlyMap<string, MethodEntry>;
  readonly initial: (entityId: string) => Message;
}
