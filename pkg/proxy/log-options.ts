// SPDX-License-Identifier: Apache-2.0

import type { EventLogDependencies, JetStreamLogOptions } from "../eventlog/mod.ts";
import { jetStreamOptions } from "../eventlog/mod.ts";
import type { NatsCredentials, NatsTls } from "../nats/mod.ts";
import type { Values } from "../settings/mod.ts";
import { pickValues, SettingError } from "../settings/mod.ts";

import { MEMORY_LOG_SETTINGS, SQLITE_LOG_SETTINGS } from "../eventlog/settings.ts";
import { NATS_SETTINGS } from "../nats/settings.ts";
import { withSecretFolder } from "./nats-secret.ts";
import type { LOG_SETTINGS } from "./settings.ts";

export type LogOptions = Values<typeof LOG_SETTINGS>;

/**
 * Translates the settings into the options of `pkg/eventlog`.
 *
 * @throws SettingError if the settings of NATS contradict each other.
 */
export function logOptions(
  options: LogOptions,
): Pick<EventLogDependencies, "memory" | "sqlite" | "jetstream"> {
  const isNats = /^(nats|tls):/.test(options.log);
  return {
    memory: pickValues(MEMORY_LOG_SETTINGS, options),
    sqlite: pickValues(SQLITE_LOG_SETTINGS, options),
    // Read only for a log on NATS, because with another log the `NATS_*` variables may be meant for other programs.
    ...(isNats && { jetstream: natsOptions(withSecretFolder(options)) }),
  };
}

function natsOptions(options: LogOptions): Partial<JetStreamLogOptions> {
  return { ...jetStreamOptions(options), credentials: credentialsOf(options), tls: tlsOf(options) };
}

function tlsOf({ natsTlsFirst: first, natsCa, natsCert, natsKey }: LogOptions): NatsTls {
  if ((natsCert === "") !== (natsKey === ""))
    throw new SettingError(
      "NATS_CERT and NATS_KEY must be set together, because a certificate needs its key",
    );
  return {
    required: false,
    first,
    ...(natsCa !== "" && { caFile: natsCa }),
    ...(natsCert !== "" && { certFile: natsCert, keyFile: natsKey }),
  };
}

/** The settings that say who we are, one for each kind of credentials. */
const IDENTITIES = ["natsCreds", "natsNkey", "natsUser", "natsToken"] as const;

function credentialsOf(options: LogOptions): NatsCredentials {
  const { natsCreds, natsNkey, natsUser, natsPassword, natsToken } = options;
  const given = IDENTITIES.filter((name) => options[name] !== "").map((name) => NATS_SETTINGS[name].env);
  if (given.length > 1)
    throw new SettingError(`only one of ${given.join(" and ")} may be set, because each says who we are`);
  if (natsPassword !== "" && natsUser === "")
    throw new SettingError("NATS_USER must be set too, because NATS_PASSWORD is the password of a user");
  if (natsCreds !== "") return { kind: "creds", path: natsCreds };
  if (natsNkey !== "") return { kind: "nkey", path: natsNkey };
  if (natsUser !== "") return { kind: "password", user: natsUser, password: natsPassword };
  return natsToken === "" ? { kind: "none" } : { kind: "token", token: natsToken };
}
