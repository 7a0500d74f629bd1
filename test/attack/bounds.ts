// SPDX-License-Identifier: Apache-2.0

import { PROXY_SETTINGS } from "../../pkg/proxy/mod.ts";
import type { Setting } from "../../pkg/settings/mod.ts";
import { isNumberForm } from "../../pkg/settings/mod.ts";
import { WEBHOOK_SETTINGS } from "../../pkg/webhook/mod.ts";

interface Bound {
  readonly about: string;
  /** The program whose setting it is; by default the proxy. */
  readonly of?: "webhook";
  /** The setting's flag, if that is not the bound's name. */
  readonly flag?: string;
  /** The value that switches it off, if that is not the greatest that the setting takes. */
  readonly off?: string;
}

/**
 * The settings that hold off the attacks, and what each of them bounds. An attack names its own settings
 * (`Attack.bounds`), so that `--prove` can switch them off. `--max-connections` and `--max-open-requests` are not
 * among them. They limit the resource that an attacker takes from the others, so a greater value only makes an attack
 * larger.
 */
export const BOUNDS = {
  "max-buffered-bytes": { about: "all bytes that wait, of requests and of replies" },
  "max-json-values": { about: "values of one JSON message" },
  "max-request-fields": { about: "fields that are read of one message of a caller" },
  "max-connection-streams": { about: "requests that one connection has open" },
  "max-small-pieces": { about: "pieces of few bytes in which the requests of one connection arrive" },
  "first-message-timeout": { about: "how long a call may be without its first message" },
  "first-request-timeout": { about: "how long a connection may be without its first request" },
  "headers-timeout": { about: "how long headers may take" },
  "request-timeout": { about: "how long a whole request may take" },
  "write-timeout": { about: "how long a connection may take nothing of its replies" },
  "admin-max-connections": { about: "connections to the admin port" },
  "drain-secret": { about: "who may drain the proxy", off: "" },
  "max-message-fields": { about: "fields of one message of the user function" },
  "max-descendants": { about: "all that follows from one command" },
  "log-repeat-lines": { about: "lines of the proxy's own log that say the same" },
  "log-check-interval": { about: "how long a lost log may stay unseen" },
  "webhook-max-body-bytes": { about: "one question to the webhook", of: "webhook", flag: "max-body-bytes" },
  "webhook-max-pending-bytes": { about: "all of them together", of: "webhook", flag: "max-pending-bytes" },
  "webhook-max-json-values": { about: "values of one of them", of: "webhook", flag: "max-json-values" },
  "webhook-request-timeout": { about: "how long one may take", of: "webhook", flag: "request-timeout" },
} as const satisfies Record<string, Bound>;

export type BoundName = keyof typeof BOUNDS;

export const BOUND_NAMES = Object.keys(BOUNDS) as readonly BoundName[];

export type Switches =
  | { readonly kind: "off"; readonly flags: Readonly<Record<string, string>> }
  /** There is no such setting in this build. */
  | { readonly kind: "unknown"; readonly names: readonly BoundName[] };

/** The program whose setting it is. */
export function programOf(name: BoundName): "proxy" | "webhook" {
  const bound: Bound = BOUNDS[name];
  return bound.of ?? "proxy";
}

/** Flags that switch these bounds off. */
export function switchedOff(names: readonly BoundName[]): Switches {
  const unknown = names.filter((name) => settingOf(name) === undefined);
  if (unknown.length > 0) return { kind: "unknown", names: unknown };
  return { kind: "off", flags: Object.fromEntries(names.map((name) => [flagOf(name), offValue(name)])) };
}

function flagOf(name: BoundName): string {
  const bound: Bound = BOUNDS[name];
  return bound.flag ?? name;
}

/** The setting of this bound; undefined if this build has none. */
function settingOf(name: BoundName): Setting | undefined {
  const settings = Object.values<Setting>(programOf(name) === "webhook" ? WEBHOOK_SETTINGS : PROXY_SETTINGS);
  return settings.find(({ flag }) => flag === flagOf(name));
}

function offValue(name: BoundName): string {
  const { off }: Bound = BOUNDS[name];
  const setting = settingOf(name);
  if (off !== undefined) return off;
  if (setting !== undefined && isNumberForm(setting.form)) return String(setting.form.max);
  throw new Error(`--${name} is no number, so bounds.ts has to say with which value it is off`);
}
