// SPDX-License-Identifier: Apache-2.0

import type { NatsLink, NatsOptions } from "../../../pkg/nats/mod.ts";
import { connectNats } from "../../../pkg/nats/mod.ts";

import type { TestScope } from "../processes.ts";
import { PATIENT_NATS } from "./patient-options.ts";

/** Connects to a server on this machine as a proxy does, and closes the connection when the test ends. */
export async function openTestLink(
  scope: TestScope,
  port: number,
  options: Partial<NatsOptions> = {},
): Promise<NatsLink> {
  const target = { server: `127.0.0.1:${port}`, name: "perdure test", purpose: "cluster" };
  const link = await connectNats(target, { ...PATIENT_NATS, ...options });
  scope.teardown(() => link.close());
  return link;
}
