// SPDX-License-Identifier: Apache-2.0

import { NatsError } from "./nats-error.ts";

/** The fence works on replicated streams from 2.11 on; 2.12 is the oldest version that is still maintained. */
const OLDEST: Version = [2, 12, 0];

type Version = readonly [major: number, minor: number, patch: number];

/** @throws NatsError `NATS_UNFIT_SERVER` if the server is too old or keeps no streams. */
export function checkServer(
  server: string,
  greeting: { readonly version: string; readonly jetstream?: boolean } | undefined,
): void {
  const version = greeting?.version ?? "of an unknown version";
  if (isVersionBefore(version, OLDEST)) {
    const text = `${server}: nats-server ${version} is too old: install ${OLDEST[0]}.${OLDEST[1]} or newer`;
    throw new NatsError("NATS_UNFIT_SERVER", text);
  }
  if (greeting?.jetstream !== true) {
    const text = `${server}: JetStream is off: start nats-server with -js and a folder for its store (-sd)`;
    throw new NatsError("NATS_UNFIT_SERVER", text);
  }
}

/** Also true for a text that is not a version. */
export function isVersionBefore(version: string, [major, minor, patch]: Version): boolean {
  const [, ...parts] = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version) ?? [];
  const [ownMajor = 0, ownMinor = 0, ownPatch = 0] = parts.map(Number);
  return (ownMajor - major || ownMinor - minor || ownPatch - patch) < 0;
}
