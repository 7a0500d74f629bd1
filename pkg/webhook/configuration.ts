// SPDX-License-Identifier: Apache-2.0

import type { Quantity } from "../settings/mod.ts";

import type { Problem } from "./decision.ts";
import { annotationProblem } from "./decision.ts";
import type { LogOwner } from "./log-rules.ts";
import { chooseLog } from "./log-rules.ts";
import { readSettings } from "./read-settings.ts";
import type { ServiceSetting, SettingName, SettingValues } from "./service-settings.ts";
import { PREFIX, SERVICE_SETTINGS, valueOf } from "./service-settings.ts";

/** The name of the ConfigMap that holds the settings of all services. */
export const CONFIG_NAME = "config-perdure";

/** What `config-perdure` says. */
export type Configuration =
  | { readonly kind: "valid"; readonly values: SettingValues }
  /** Nothing can be decided; the text says what to change. */
  | { readonly kind: "invalid"; readonly problem: string };

/** The settings of one service: from its annotations, else from `config-perdure`, else the defaults. */
export interface ServiceOptions {
  readonly proxyImage: string;
  /** The log's address, with the prefix. */
  readonly log: string;
  readonly natsSecret: string;
  readonly userFunctionPort: number | undefined;
  /** How long the start may wait for the log, and then for the user function, in milliseconds. */
  readonly startTimeoutMs: number;
  readonly requests: { readonly cpu: string; readonly memory: string };
  readonly limits: { readonly cpu?: string; readonly memory?: string };
  /** Environment variables of the proxy, only for settings that were given, and always for durability. */
  readonly env: readonly { readonly name: string; readonly value: string }[];
}

/**
 * Reads the `data` of the ConfigMap. Keys that begin with `_` are documentation.
 *
 * @param data undefined if there is no such ConfigMap.
 */
export function readConfiguration(data: Readonly<Record<string, string>> | undefined): Configuration {
  if (data === undefined) return { kind: "invalid", problem: `the ConfigMap ${CONFIG_NAME} does not exist` };
  const texts = Object.fromEntries(Object.entries(data).filter(([key]) => !key.startsWith("_")));
  const { values, problems } = readSettings("config", texts, (key) => key);
  const said = problems.map(({ message }) => message);
  if (!("proxy-image" in texts)) said.push("proxy-image is missing: it names the image of the proxy");
  const [copies, servers] = [valueOf("logReplicas", values), serversOf(values)];
  if (copies > servers) said.push(`log-replicas (${copies}) is more than nats-servers (${servers})`);
  return said.length === 0
    ? { kind: "valid", values }
    : { kind: "invalid", problem: `the ConfigMap ${CONFIG_NAME} is wrong: ${said.join("; ")}` };
}

export function configurationProblem({ problem }: Extract<Configuration, { kind: "invalid" }>): Problem {
  return { code: "BAD_CONFIGURATION", field: "", message: problem };
}

/** The settings of a service, or why it cannot have what its annotations ask for. */
export function serviceOptions(
  owner: LogOwner,
  annotated: SettingValues,
  configured: SettingValues,
): { readonly options: ServiceOptions } | { readonly problems: readonly Problem[] } {
  const all: SettingValues = { ...configured, ...annotated };
  const cpu = limitFor("proxyCpu", "proxyCpuLimit", annotated, all);
  const memory = limitFor("proxyMemory", "proxyMemoryLimit", annotated, all);
  const log = chooseLog(owner, annotated, configured);
  const problems = [
    ...[cpu.problem, memory.problem].filter((each) => each !== undefined),
    ...copiesProblems(all, configured),
    ...imageProblems(annotated, configured),
  ];
  if ("problem" in log) return { problems: [...problems, log.problem] };
  if (problems.length > 0) return { problems };
  const options: ServiceOptions = {
    proxyImage: all.proxyImage ?? "",
    log: log.address,
    natsSecret: valueOf("natsSecret", all),
    userFunctionPort: all.userFunctionPort,
    startTimeoutMs: valueOf("startTimeoutMs", all),
    requests: { cpu: valueOf("proxyCpu", all).text, memory: valueOf("proxyMemory", all).text },
    limits: {
      ...(cpu.value !== undefined && { cpu: cpu.value.text }),
      ...(memory.value !== undefined && { memory: memory.value.text }),
    },
    env: environment(all),
  };
  return { options };
}

function serversOf(configured: SettingValues): number {
  return configured.natsServers ?? valueOf("logReplicas", configured);
}

/** Refuses more copies than servers, because NATS would not make such streams and the proxy would wait in vain. */
function copiesProblems(all: SettingValues, configured: SettingValues): readonly Problem[] {
  const [copies, servers] = [valueOf("logReplicas", all), serversOf(configured)];
  if (copies <= servers) return [];
  const message =
    `${PREFIX}${SERVICE_SETTINGS.logReplicas.key}=${copies} asks for ${copies} copies, and according to config-perdure ` +
    `there are ${servers} NATS servers (nats-servers): set it to ${servers} or less, or leave it out`;
  return [annotationProblem("TOO_FEW_SERVERS", message)];
}

/** Refuses images that the operator does not allow, because the proxy gets the credentials of the log. */
function imageProblems(annotated: SettingValues, configured: SettingValues): readonly Problem[] {
  const { proxyImage } = annotated;
  const allowed = [configured.proxyImage, ...valueOf("allowedProxyImages", configured)];
  if (proxyImage === undefined || allowed.includes(proxyImage)) return [];
  const message =
    `${PREFIX}${SERVICE_SETTINGS.proxyImage.key}=${proxyImage} is not an image that config-perdure allows: ` +
    "leave it out, or ask those who run the cluster for an entry in allowed-proxy-images";
  return [annotationProblem("IMAGE_NOT_ALLOWED", message)];
}

/**
 * Kubernetes refuses a limit below the request. If only the request is annotated, and the limit for all services is
 * below it, the limit is raised to the request.
 */
function limitFor(
  requestName: "proxyCpu" | "proxyMemory",
  limitName: "proxyCpuLimit" | "proxyMemoryLimit",
  annotated: SettingValues,
  all: SettingValues,
): { readonly value?: Quantity; readonly problem?: Problem } {
  const request = valueOf(requestName, all);
  const value = valueOf(limitName, all);
  if (value === "none") return {};
  if (value.amount >= request.amount) return { value };
  if (annotated[limitName] === undefined) return { value: request };
  const [limitKey, requestKey] = [SERVICE_SETTINGS[limitName].key, SERVICE_SETTINGS[requestName].key];
  const message = `${limitKey} must be at least ${requestKey} (${request.text}), not ${value.text}`;
  return { problem: annotationProblem("BAD_ANNOTATION", message) };
}

/** Durability is always told: an image of another version may have another default, which could be weaker. */
function environment(given: SettingValues): ServiceOptions["env"] {
  const settings = Object.entries(SERVICE_SETTINGS) as [SettingName, ServiceSetting][];
  const values: SettingValues = { ...withReceiver(given), durability: valueOf("durability", given) };
  return settings.flatMap(([name, { env }]) => {
    const value = values[name];
    return env === undefined || value === undefined || typeof value === "object"
      ? []
      : [{ name: env, value: String(value) }];
  });
}

/** Without an endpoint the proxy would send its metrics to its own pod, where nobody takes them. */
function withReceiver(values: SettingValues): SettingValues {
  const { otelMetricsExporter: _, ...others } = values;
  return valueOf("otelExporterOtlpEndpoint", values) === "" ? others : values;
}
