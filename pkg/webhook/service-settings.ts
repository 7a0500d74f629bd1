// SPDX-License-Identifier: Apache-2.0

import type { Form, NumberSetting, Setting } from "../settings/mod.ts";
import {
  DAY_MS,
  duration,
  kebabName,
  oneOf,
  quantity,
  quantityOf,
  quantityOrNone,
  SECOND_MS,
  trueOrFalse,
  wholeNumber,
} from "../settings/mod.ts";

import { PROXY_SETTINGS } from "../proxy/settings.ts";
import type { NatsServers } from "./forms.ts";
import {
  image,
  images,
  logAddress,
  logPlaces,
  metricsExporter,
  natsUrl,
  objectName,
  otlpEndpoint,
  part,
} from "./forms.ts";

/** Annotations and labels of ours begin with it. */
export const PREFIX = "perdure.dev/";

/** The key that makes a service stateful, as an annotation and as a label. */
export const STATEFUL = `${PREFIX}stateful`;

/**
 * Where a setting may stand: as the annotation `perdure.dev/KEY` of one service, as `KEY` in the ConfigMap
 * `config-perdure` for all services, or in both, and then the annotation takes precedence.
 */
export type Place = "annotation" | "config" | "both";

/**
 * One setting of a stateful service. This one declaration parses annotations and ConfigMap, and writes
 * `docs/annotations.md` and the `_example` of the ConfigMap.
 */
export interface ServiceSetting<T = unknown, D extends T | undefined = T | undefined> {
  readonly key: string;
  readonly place: Place;
  readonly form: Form<T>;
  /** Undefined if there is none. */
  readonly default: D;
  readonly help: string;
  /** The proxy's variable that takes the value. */
  readonly env: string | undefined;
}

/** A setting whose key is still missing. */
type Unkeyed<T = unknown, D extends T | undefined = T | undefined> = Omit<ServiceSetting<T, D>, "key">;

/** Gives settings the keys that follow from their names in the code: `maxPacks` gets `max-packs`. */
function keyed<D extends Readonly<Record<string, Unkeyed>>>(
  settings: D,
): { readonly [K in keyof D]: D[K] & Pick<ServiceSetting, "key"> } {
  const entries = Object.entries(settings).map(([name, each]) => [name, { key: kebabName(name), ...each }]);
  return Object.fromEntries(entries) as { readonly [K in keyof D]: D[K] & Pick<ServiceSetting, "key"> };
}

/** @param value its default; undefined if there is none. */
function setting<T, const D extends T | undefined>(
  place: Place,
  value: D,
  form: Form<T>,
  words: Pick<ServiceSetting, "help">,
): Unkeyed<T, D> {
  return { place, form, default: value, ...words, env: undefined };
}

/** A setting of the proxy, whose default, bounds and help hold here too. */
function ofProxy<T>(place: Place, { form, default: value, help, env }: Setting<T>): Unkeyed<T, T> {
  return { place, form, default: value, help, env };
}

/** The same for a time, which is written with its unit here. */
function timeOfProxy(place: Place, time: NumberSetting): Unkeyed<number, number> {
  return { ...ofProxy(place, time), form: duration(time.form) };
}

const NATS_OF_CLUSTER: NatsServers = {
  kind: "nats",
  isTls: false,
  servers: ["nats.perdure-system.svc:4222"],
};

/** What the proxy knows (pkg/telemetry). */
const SAMPLERS = ["always_on", "always_off", "traceidratio"].flatMap((name) => [name, `parentbased_${name}`]);

/** Every `perdure.dev/*` annotation and every key of `config-perdure`. */
export const SERVICE_SETTINGS = keyed({
  stateful: setting("annotation", false, trueOrFalse, { help: "Makes the service stateful." }),
  log: setting("annotation", undefined, logAddress, {
    help: "Where the state is, if not under `NAMESPACE_NAME` in the NATS of `nats-url`. The servers are those of `nats-url` or `allowed-logs`; the prefix is `NAMESPACE_NAME` or begins with `NAMESPACE_NAME_`, and may be left out. Revisions of a service share its log.",
  }),
  confirmLog: setting("annotation", undefined, logAddress, {
    help: "The same address as in `perdure.dev/log` once more, as your word that it is meant: when the log of a service is changed, which leaves its state behind, and when it is that of another service of the namespace.",
  }),
  natsUrl: setting("config", NATS_OF_CLUSTER, natsUrl, {
    help: "The NATS servers that hold the state of all services, each under a prefix of its own, `NAMESPACE_NAME`.",
  }),
  allowedLogs: setting("config", [], logPlaces, {
    help: "What `perdure.dev/log` may name besides the servers of `nats-url`.",
  }),
  natsServers: setting("config", undefined, wholeNumber(1, 1_000), {
    help: "How many NATS servers there are. `log-replicas` is never more. If it is left out: as many as `log-replicas` says here.",
  }),
  natsSecret: setting("both", "perdure-nats", objectName, {
    help: "Secret in the namespace of the service with what NATS asks for, under any of the keys `nats.creds`, `nats.nk`, `user` and `password`, `token`, `ca.crt`, `tls.crt` and `tls.key`. It may be absent.",
  }),
  durability: ofProxy("both", PROXY_SETTINGS.logDurability),
  logReplicas: ofProxy("both", PROXY_SETTINGS.logReplicas),
  logServersSync: ofProxy("config", PROXY_SETTINGS.logServersSync),
  trafficShare: {
    ...ofProxy("annotation", PROXY_SETTINGS.trafficShare),
    help: "The part of the entities, relative to that of other revisions, that the pods of a revision have: about the percentage of the requests that it gets. Those of a revision with 0 have none, unless no other revision has pods.",
  },
  userFunctionPort: setting("annotation", undefined, PROXY_SETTINGS.userFunctionPort.form, {
    help: "Port of the user function, if it is not the port of the container that serves.",
  }),
  startTimeoutMs: setting("both", 45 * SECOND_MS, duration({ min: SECOND_MS, max: DAY_MS }), {
    help: "How long a pod's proxy waits at its start for NATS, and then for the user function to listen and speak gRPC; then it ends, `kn` shows why, and Kubernetes starts it again. Longer for a function that takes longer to start.",
  }),
  passivationTimeoutMs: timeOfProxy("both", PROXY_SETTINGS.passivationTimeoutMs),
  relayTimeoutMs: timeOfProxy("both", PROXY_SETTINGS.relayTimeoutMs),
  maxActiveEntities: ofProxy("both", PROXY_SETTINGS.maxActiveEntities),
  proxyImage: setting("both", undefined, image, {
    help: "The image of the proxy. `config-perdure` must name one; a service may name that or one of `allowed-proxy-images`.",
  }),
  allowedProxyImages: setting("config", [], images, {
    help: "What `perdure.dev/proxy-image` may name besides the image of `proxy-image`.",
  }),
  proxyCpu: setting("both", quantityOf("100m"), quantity, {
    help: "Processor time that the proxy requests.",
  }),
  proxyMemory: setting("both", quantityOf("128Mi"), quantity, { help: "Memory that the proxy requests." }),
  proxyCpuLimit: setting("both", "none", quantityOrNone, { help: "Most processor time of the proxy." }),
  proxyMemoryLimit: setting("both", quantityOf("512Mi"), quantityOrNone, {
    help: "Most memory of the proxy; it is killed beyond it, and what it acknowledged is safe. Never less than `proxy-memory`. Each entity in memory takes about 16 KiB of it.",
  }),
  logLevel: ofProxy("both", PROXY_SETTINGS.logLevel),
  metrics: ofProxy("both", PROXY_SETTINGS.metrics),
  otelExporterOtlpEndpoint: {
    ...ofProxy("both", PROXY_SETTINGS.otelExporterOtlpEndpoint),
    form: otlpEndpoint,
    help: "Where the proxy's spans go, and its metrics if `otel-metrics-exporter` says so, by OTLP over gRPC. If empty, nothing is traced or sent.",
  },
  otelMetricsExporter: {
    ...ofProxy("both", PROXY_SETTINGS.otelMetricsExporter),
    form: metricsExporter,
    help: "`otlp`: the proxy also sends its metrics to `otel-exporter-otlp-endpoint`, which must take them, as a Collector does and Jaeger does not.",
  },
  otelTracesSampler: {
    ...ofProxy("both", PROXY_SETTINGS.otelTracesSampler),
    form: oneOf(SAMPLERS),
    help: "Which traces are kept; after `parentbased_` what the caller has decided, and for traces that begin here what follows.",
  },
  otelTracesSamplerArg: { ...ofProxy("both", PROXY_SETTINGS.otelTracesSamplerArg), form: part },
});

type Settings = typeof SERVICE_SETTINGS;
export type SettingName = keyof Settings;

/** The values that were given; a setting that was not given is absent. */
export type SettingValues = {
  readonly [K in SettingName]?: Settings[K] extends ServiceSetting<infer T> ? T : never;
};

const ENTRIES = Object.entries(SERVICE_SETTINGS) as [SettingName, ServiceSetting][];

/** The value that was given for a setting, or its default. */
export function valueOf<K extends SettingName>(
  name: K,
  values: SettingValues,
): Exclude<SettingValues[K], undefined> | Settings[K]["default"] {
  return (values[name] as Exclude<SettingValues[K], undefined>) ?? SERVICE_SETTINGS[name].default;
}

/** The settings that may stand as annotations, or in `config-perdure`. */
export function settingsOf(
  place: "annotation" | "config",
): readonly (readonly [SettingName, ServiceSetting])[] {
  return ENTRIES.filter(([, setting]) => setting.place === place || setting.place === "both");
}
