// SPDX-License-Identifier: Apache-2.0

/**
 * Which log a service may have. Services of all namespaces keep their state in the same NATS, each under a prefix. So:
 *
 * 1. *Place.* A service may name the servers of `nats-url` and the entries of `allowed-logs`, and nothing else.
 * 2. *Namespace.* Its prefix is one of its namespace, `NAMESPACE_…`. No annotation changes that.
 * 3. *Name.* Its prefix is its own, `NAMESPACE_NAME` or `NAMESPACE_NAME_SUFFIX`. The user must confirm a prefix of
 *    another service of the namespace, so that it is not taken by mistake.
 * 4. *Change.* The user must confirm a change of the log, because the state stays in the old one.
 *
 * These rules hold for objects that the webhook decides about. Only the accounts of NATS stop a pod that connects to
 * NATS by itself (docs/tenants.md).
 */

import type { Problem } from "./decision.ts";
import { annotationProblem } from "./decision.ts";
import type { LogAddress, LogPlace } from "./forms.ts";
import { logAddress, logPlaces } from "./forms.ts";
import { logPrefix } from "./log-prefix.ts";
import type { SettingValues } from "./service-settings.ts";
import { PREFIX, SERVICE_SETTINGS, valueOf } from "./service-settings.ts";

/** The service that the state belongs to. */
export interface LogOwner {
  readonly namespace: string;
  readonly service: string;
}

export type LogChoice = { readonly address: string } | { readonly problem: Problem };

const LOG = `${PREFIX}${SERVICE_SETTINGS.log.key}`;
const CONFIRM = `${PREFIX}${SERVICE_SETTINGS.confirmLog.key}`;

/** The log that the annotations ask for, if `owner` may have it (1, 2, 3). */
export function chooseLog(owner: LogOwner, annotated: SettingValues, configured: SettingValues): LogChoice {
  const asked: LogAddress = annotated.log ?? { ...valueOf("natsUrl", configured), prefix: undefined };
  const address = addressOf(asked, owner);
  if (!isAllowed(asked, configured)) return { problem: notAllowed(address, configured) };
  if (asked.kind === "memory" || asked.prefix === undefined) return { address };
  const own = logPrefix(owner.namespace, owner.service);
  if (isOwn(asked.prefix, own)) return { address };
  const isOurs = isOfNamespace(asked.prefix, owner.namespace);
  if (isOurs && confirms(annotated, owner, address)) return { address };
  const whose = isOurs
    ? "that of another service of the namespace"
    : `not one of the namespace ${owner.namespace}`;
  const message =
    `${LOG} has the prefix ${asked.prefix}, which is ${whose}: ` +
    `leave the prefix out, or let it be ${own} or ${own}_SUFFIX${isOurs ? `. ${confirmation(address)}` : ""}`;
  return { problem: annotationProblem("LOG_OF_ANOTHER", message) };
}

/**
 * Whether the state would be left behind (4).
 *
 * @param before the earlier annotations of the service, which the webhook may not have checked at the time.
 */
export function logChange(
  owner: LogOwner,
  before: SettingValues,
  annotated: SettingValues,
  configured: SettingValues,
): Problem | undefined {
  const natsUrl = { ...valueOf("natsUrl", configured), prefix: undefined };
  const old = addressOf(before.log ?? natsUrl, owner);
  const address = addressOf(annotated.log ?? natsUrl, owner);
  if (old === address || confirms(annotated, owner, address)) return undefined;
  const message =
    `the state of this service is at ${old}, and at ${address} it would be without it: ` +
    `let ${LOG} be what it was. ${confirmation(address)}`;
  return annotationProblem("LOG_CHANGED", message);
}

function addressOf(log: LogAddress, { namespace, service }: LogOwner): string {
  const isWhole = log.kind === "memory" || log.prefix !== undefined;
  return logAddress.write(isWhole ? log : { ...log, prefix: logPrefix(namespace, service) });
}

/** All servers must belong to one place, because servers of two places form no cluster. */
function isAllowed(asked: LogAddress, configured: SettingValues): boolean {
  return placesOf(configured).some((place) => {
    if (asked.kind === "memory" || place.kind === "memory") return asked.kind === place.kind;
    return (asked.isTls || !place.isTls) && asked.servers.every((server) => place.servers.includes(server));
  });
}

function placesOf(configured: SettingValues): readonly LogPlace[] {
  return [valueOf("natsUrl", configured), ...valueOf("allowedLogs", configured)];
}

function notAllowed(address: string, configured: SettingValues): Problem {
  const message =
    `${LOG} asks for ${address}, and config-perdure allows ${logPlaces.write(placesOf(configured))}: ` +
    "leave it out, or ask those who run the cluster for an entry in allowed-logs";
  return annotationProblem("LOG_NOT_ALLOWED", message);
}

/** The suffix must not contain `_`, as names do not, so that each prefix belongs to one service. */
function isOwn(prefix: string, own: string): boolean {
  return (
    prefix === own || (prefix.startsWith(`${own}_`) && /^[A-Za-z0-9-]+$/.test(prefix.slice(own.length + 1)))
  );
}

/**
 * A prefix belongs to the namespace before its first `_`. If that is the beginning of `__`, a hash follows and the text
 * before it was cut, perhaps within the namespace, so it may belong to a namespace with a longer name.
 */
function isOfNamespace(prefix: string, namespace: string): boolean {
  return prefix.startsWith(`${namespace}_`) && /^[^_]/.test(prefix.slice(namespace.length + 1));
}

function confirms({ confirmLog }: SettingValues, owner: LogOwner, address: string): boolean {
  return confirmLog !== undefined && addressOf(confirmLog, owner) === address;
}

function confirmation(address: string): string {
  return `If that is what you want, say so: ${CONFIRM}=${address}`;
}
