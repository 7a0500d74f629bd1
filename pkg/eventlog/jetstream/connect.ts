// SPDX-License-Identifier: Apache-2.0

import type { NatsLink } from "../../nats/mod.ts";
import { connectNats } from "../../nats/mod.ts";

import { openError } from "./log-error.ts";
import type { JetStreamLogOptions } from "./options.ts";

/** As `connectNats`. @throws EventLogError `LOG_UNAVAILABLE`, or `LOG_UNUSABLE` if an operator has to act. */
export async function connectLink(
  server: string,
  name: string,
  options: JetStreamLogOptions,
): Promise<NatsLink> {
  try {
    return await connectNats({ server, name, purpose: "event log" }, options);
  } catch (thrown) {
    throw openError(thrown);
  }
}
