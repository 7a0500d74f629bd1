// SPDX-License-Identifier: Apache-2.0

import { EventLogError } from "../event-log.ts";

/** What of the server's greeting matters here. */
export interface ServerGreeting {
  readonly version: string;
  readonly jetstream?: boolean;
}

/** Fences of replicated streams hold from 2.11 on; 2.12 is the oldest that is still maintained. */
const MIN_MAJOR = 2;
const MIN_MINOR = 12;

/** @throws EventLogError `LOG_UNUSABLE` if the server is too old or keeps no streams. */
export function checkServer(server: string, greeting: ServerGreeting | undefined): void {
  const version = greeting?.version ?? "of an unknown version";
  const [, major = 0, minor = 0] = (/^v?(\d+)\.(\d+)\./.exec(version) ?? []).map(Number);
  if (major < MIN_MAJOR || (major === MIN_MAJOR && minor < MIN_MINOR)) {
    const text = `${server}: nats-server ${version} is too old: install ${MIN_MAJOR}.${MIN_MINOR} or newer`;
    throw new EventLogError("LOG_UNUSABLE", text);
  }
  if (greeting?.jetstream !== true) {
    const text = `${server}: JetStream is off: start nats-server with -js and a folder for its store (-sd)`;
    throw new EventLogError("LOG_UNUSABLE", text);
  }
}
