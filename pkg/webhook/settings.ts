// SPDX-License-Identifier: Apache-2.0

import { LOG_LEVELS } from "../base/mod.ts";

import { MAX_PROBLEMS } from "./decision.ts";
import type { Form } from "./forms.ts";
import {
  boolean,
  duration,
  image,
  images,
  limit,
  logAddress,
  logPlaces,
  natsUrl,
  objectName,
  oneOf,
  quantity,
  wholeNumber,
} from "./forms.ts";

/** Annotations and labels of ours begin with it. */
export const PREFIX = "perdure.dev/";

/** The key that makes a service stateful, as an annotation and as a label. */
export const STATEFUL = `${PREFIX}stateful`;

const DAY_MS = 86_400_000;

/**
 * Where a setting may stand: as the annotation `perdure.dev/KEY` of one service, as `KEY` in the ConfigMap
 * `config-perdure` for all services, or in both, and then the annotation takes precedence.
 */
export type Place = "annotation" | "config" | "both";

/**
 * One setting of a stateful service. This one declaration parses annotations and ConfigMap, and writes
 * `docs/annotations.md` and the `_example` of the ConfigMap.
 */
export interface ServiceSetting<T> {
  readonly key: string;
  readonly place: Place;
  readonly form: Form<T>;
  /** As it would be written; "" if there is none. */
  readonly default: string;
  readonly help: string;
  /** The proxy's variable that takes the value; the default is then the proxy's own. */
  readonly env: string | undefined;
}

function setting<T>(
  place: Place,
  key: string,
  form: Form<T>,
  value: string,
  help: string,
  env?: string,
): ServiceSetting<T> {
  return { place, key, form, default: value, help, env };
}

/** Every `perdure.dev/*` annotation and every key of `config-perdure`. */
export const SERVICE_SETTINGS = {
  stateful: setting("annotation", "stateful", boolean, "false", "Makes the service stateful."),
  log: setting(
    "annotation",
    "log",
    logAddress,
    "",
    "Where the state is, if not under `NAMESPACE_NAME` in the NATS of `nats-url`. The servers are those of `nats-url` or `allowed-logs`; the prefix is `NAMESPACE_NAME` or begins with `NAMESPACE_NAME_`, and may be left out. Revisions of a service share its log.",
  ),
  confirmLog: setting(
    "annotation",
    "confirm-log",
    logAddress,
    "",
    "The same address as in `perdure.dev/log` once more, as your word that it is meant: when the log of a service is changed, which leaves its state behind, and when it is that of another service of the namespace.",
  ),
  natsUrl: setting(
    "config",
    "nats-url",
    natsUrl,
    "nats://nats.perdure-system.svc:4222",
    "The NATS servers that hold the state of all services, each under a prefix of its own, `NAMESPACE_NAME`.",
  ),
  allowedLogs: setting(
    "config",
    "allowed-logs",
    logPlaces,
    "",
    "What `perdure.dev/log` may name besides the servers of `nats-url`.",
  ),
  natsServers: setting(
    "config",
    "nats-servers",
    wholeNumber(1, 1_000),
    "",
    "How many NATS servers there are. `log-replicas` is never more. If it is left out: as many as `log-replicas` says here.",
  ),
  natsSecret: setting(
    "both",
    "nats-secret",
    objectName,
    "perdure-nats",
    "Secret in the namespace of the service with what NATS asks for, under any of the keys `nats.creds`, `nats.nk`, `user` and `password`, `token`, `ca.crt`, `tls.crt` and `tls.key`. It may be absent.",
  ),
  durability: setting(
    "both",
    "durability",
    oneOf("relaxed", "strict"),
    "relaxed",
    "What an acknowledgement survives: the end of a NATS server's process, or, if strict, of its machine.",
    "PERDURE_LOG_DURABILITY",
  ),
  logReplicas: setting(
    "both",
    "log-replicas",
    wholeNumber(1, 5),
    "1",
    "NATS servers that hold a copy of the state. 3 in production.",
    "PERDURE_LOG_REPLICAS",
  ),
  logServersSync: setting(
    "config",
    "log-servers-sync",
    boolean,
    "false",
    "Your word that all NATS servers run with `sync_interval: always`; strict durability then needs no server tag.",
    "PERDURE_LOG_SERVERS_SYNC",
  ),
  userFunctionPort: setting(
    "annotation",
    "user-function-port",
    wholeNumber(1, 65_535),
    "",
    "Port of the user function, if it is not the port of the container that serves.",
  ),
  startTimeoutMs: setting(
    "both",
    "start-timeout",
    duration(1_000, DAY_MS),
    "45s",
    "How long a pod's proxy waits at its start for NATS, and then for the user function to listen and speak gRPC; then it ends, `kn` shows why, and Kubernetes starts it again. Longer for a function that takes longer to start.",
  ),
  passivationTimeoutMs: setting(
    "both",
    "passivation-timeout",
    duration(1, DAY_MS),
    "30s",
    "Idle time after which an entity leaves memory.",
    "PERDURE_PASSIVATION_TIMEOUT_MS",
  ),
  relayTimeoutMs: setting(
    "both",
    "relay-timeout",
    duration(1, DAY_MS),
    "1m",
    "How long the user function may take for one command.",
    "PERDURE_RELAY_TIMEOUT_MS",
  ),
  maxActiveEntities: setting(
    "both",
    "max-active-entities",
    wholeNumber(1, 10_000_000),
    "100000",
    "Entities in the proxy's memory; beyond it the one idle longest leaves. Each takes about 16 KiB of `proxy-memory-limit`.",
    "PERDURE_MAX_ACTIVE_ENTITIES",
  ),
  proxyImage: setting(
    "both",
    "proxy-image",
    image,
    "",
    "The image of the proxy. `config-perdure` must name one; a service may name that or one of `allowed-proxy-images`.",
  ),
  allowedProxyImages: setting(
    "config",
    "allowed-proxy-images",
    images,
    "",
    "What `perdure.dev/proxy-image` may name besides the image of `proxy-image`.",
  ),
  proxyCpu: setting("both", "proxy-cpu", quantity, "100m", "Processor time that the proxy requests."),
  proxyMemory: setting("both", "proxy-memory", quantity, "128Mi", "Memory that the proxy requests."),
  proxyCpuLimit: setting("both", "proxy-cpu-limit", limit, "none", "Most processor time of the proxy."),
  proxyMemoryLimit: setting(
    "both",
    "proxy-memory-limit",
    limit,
    "512Mi",
    "Most memory of the proxy; it is killed beyond it, and what it acknowledged is safe. Never less than `proxy-memory`.",
  ),
  logLevel: setting(
    "both",
    "log-level",
    oneOf(...LOG_LEVELS),
    "info",
    "How much the proxy says.",
    "PERDURE_LOG_LEVEL",
  ),
} as const;

type Settings = typeof SERVICE_SETTINGS;
export type SettingName = keyof Settings;

/** The values that were given; a setting that was not given is absent. */
export type SettingValues = {
  readonly [K in SettingName]?: Settings[K] extends ServiceSetting<infer T> ? T : never;
};

/** An invalid setting. The message names it, as `perdure.dev/durability=fast`, and says what would be valid. */
export interface SettingProblem {
  readonly key: string;
  readonly kind: "unknown" | "misplaced" | "value";
  readonly message: string;
}

const ENTRIES = Object.entries(SERVICE_SETTINGS) as [SettingName, ServiceSetting<unknown>][];

/** More than there are settings, so that of so many keys at least one is unknown, and further ones need not be read. */
export const MAX_KEYS = 100;

/** Whether a key has our prefix, in upper or lower case, because Kubernetes accepts both. */
export function isOurs(key: string): boolean {
  return key.slice(0, PREFIX.length).toLowerCase() === PREFIX;
}

/** The value that was given for a setting, or its default. */
export function valueOf<K extends SettingName>(
  name: K,
  values: SettingValues,
): Exclude<SettingValues[K], undefined> {
  const given = values[name];
  if (given !== undefined) return given as Exclude<SettingValues[K], undefined>;
  const setting: ServiceSetting<unknown> = SERVICE_SETTINGS[name];
  const reading = setting.form.read(setting.default);
  return ("value" in reading ? reading.value : undefined) as Exclude<SettingValues[K], undefined>;
}

/** The settings that may stand as annotations, or in `config-perdure`. */
export function settingsOf(
  place: "annotation" | "config",
): readonly (readonly [SettingName, ServiceSetting<unknown>])[] {
  return ENTRIES.filter(([, setting]) => setting.place === place || setting.place === "both");
}

/** Longer than any sensible value, and short enough for the regular expressions that read values. */
const MAX_VALUE_CHARS = 4_096;

/**
 * Reads texts by key. All problems are found, not only the first, up to `MAX_PROBLEMS`.
 *
 * @param shownKey the key as its author wrote it.
 */
export function readSettings(
  place: "annotation" | "config",
  texts: Readonly<Record<string, string>>,
  shownKey: (key: string) => string,
): { readonly values: SettingValues; readonly problems: readonly SettingProblem[] } {
  const values: Partial<Record<SettingName, unknown>> = {};
  const problems: SettingProblem[] = [];
  for (const key of Object.keys(texts).sort()) {
    if (problems.length >= MAX_PROBLEMS) break;
    const text = texts[key] ?? "";
    const found = ENTRIES.find(([, setting]) => setting.key === key);
    if (found === undefined || (found[1].place !== place && found[1].place !== "both")) {
      problems.push(found === undefined ? unknown(place, key, shownKey) : misplaced(place, key, shownKey));
      continue;
    }
    const reading =
      text.length > MAX_VALUE_CHARS
        ? { sense: `has at most ${MAX_VALUE_CHARS} characters` }
        : found[1].form.read(text);
    if ("value" in reading) values[found[0]] = reading.value;
    else problems.push({ key, kind: "value", message: `${shownKey(key)}=${shown(text)} ${reading.sense}` });
  }
  return { values: values as SettingValues, problems };
}

function unknown(
  place: "annotation" | "config",
  key: string,
  shownKey: (key: string) => string,
): SettingProblem {
  const known = settingsOf(place).map(([, setting]) => setting.key);
  const meant = known.find((each) => each === key.toLowerCase());
  const message =
    meant === undefined
      ? `${shortened(shownKey(key))} is not known; known are ${known.map(shownKey).join(", ")}`
      : `${shownKey(key)} is not known: it is written ${shownKey(meant)}`;
  return { key, kind: "unknown", message };
}

function misplaced(
  place: "annotation" | "config",
  key: string,
  shownKey: (key: string) => string,
): SettingProblem {
  const right =
    place === "annotation"
      ? "for all services: put it into the ConfigMap config-perdure"
      : "for one service: annotate that";
  return { key, kind: "misplaced", message: `${shownKey(key)} is ${right}` };
}

/** A value for a message: shortened, and without a password that may stand before an `@`. */
function shown(text: string): string {
  const [from, at] = [text.indexOf("//"), text.lastIndexOf("@")];
  const safe = from >= 0 && at > from ? `${text.slice(0, from)}//…${text.slice(at)}` : text;
  return JSON.stringify(shortened(safe));
}

function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
