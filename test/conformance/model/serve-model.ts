// SPDX-License-Identifier: Apache-2.0

import type { RunningServer } from "../../../pkg/sdk/mod.ts";
import { serve } from "../../../pkg/sdk/mod.ts";

import { actionModel, actionTwo } from "./action.ts";
import { eventSourcedConfigured, eventSourcedModel, eventSourcedTwo } from "./event-sourced.ts";
import { valueEntityConfigured, valueEntityModel, valueEntityTwo } from "./value-entity.ts";

/** Serves the model services with our SDK. */
export function serveModel(options: {
  /** Default: the variable HOST, or 127.0.0.1. */
  readonly host?: string;
  /** 0: the system chooses. Default: the variable PORT, or 8080. */
  readonly port?: number;
  readonly handleSignals?: boolean;
  readonly log?: (line: string) => void;
}): Promise<RunningServer> {
  return serve({
    entities: [
      actionModel,
      actionTwo,
      eventSourcedModel,
      eventSourcedTwo,
      eventSourcedConfigured,
      valueEntityModel,
      valueEntityTwo,
      valueEntityConfigured,
    ],
    serviceName: "perdure-tck-model",
    ...options,
  });
}
