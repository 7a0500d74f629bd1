// SPDX-License-Identifier: Apache-2.0

import type { DescMethod, DescService } from "@bufbuild/protobuf";

import type { Descriptors, EntityKeyReader } from "../protocol/mod.ts";

/** What a user function serves, checked: nothing in it needs to be doubted again. */
export interface UserFunctionSpec {
  readonly descriptors: Descriptors;
  /** Public services by their full name. */
  readonly services: ReadonlyMap<string, EntityService>;
  /** How the user function calls itself, for people. */
  readonly description: string;
}

/** One public service and the entities behind it. */
export interface EntityService {
  readonly desc: DescService;
  /** Full name of the protocol service that drives it, as `cloudstate.eventsourced.EventSourced`. */
  readonly entityType: string;
  readonly persistenceId: string;
  /** How long an entity may be idle before it leaves memory, in milliseconds; the proxy's default if undefined. */
  readonly passivationTimeoutMs: number | undefined;
  /** Methods by name, as `AddItem`. */
  readonly methods: ReadonlyMap<string, EntityMethod>;
}

export interface EntityMethod {
  readonly service: EntityService;
  readonly desc: DescMethod;
  readonly entityKey: EntityKeyReader;
}
