// SPDX-License-Identifier: Apache-2.0

import type { Quantity } from "./forms.ts";
import { readSettings, SERVICE_SETTINGS } from "./settings.ts";
import type { ServiceSetting, SettingName, SettingValues } from "./settings.ts";

/** The name of the ConfigMap that holds what is the same for all services. */
export const CONFIG_NAME = "config-perdure";

/** What `config-perdure` says. */
export type Configuration =
  | { readonly kind: "valid"; readonly values: SettingValues }
  /** Nothing can be decided; the text says what to change. */
  | { readonly kind: "invalid"; readonly problem: string };

/** The settings of one service: its annotations before `config-perdure` before the defaults. */
export interface ServiceOptions {
  readonly proxyImage: string;
  /** The log's address, if the service has one of its own. */
  readonly log: string | undefined;
  readonly natsUrl: string;
  readonly natsSecret: string;
  readonly userFunctionPort: number | undefined;
  readonly requests: { readonly cpu: string; readonly memory: string };
  readonly limits: { readonly cpu?: string; readonly memory?: string };
  /** Variables of the proxy; those of settings about which nothing was said are not in it. */
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
  return said.length === 0
    ? { kind: "valid", values }
    : { kind: "invalid", problem: `the ConfigMap ${CONFIG_NAME} is wrong: ${said.join("; ")}` };
}

/** @returns the text of what contradicts itself instead. */
export function serviceOptions(annotated: SettingValues, configured: SettingValues): ServiceOptions | string {
  const all: SettingValues = { ...configured, ...annotated };
  const cpu = limitFor("proxyCpu", "proxyCpuLimit", annotated, all);
  const memory = limitFor("proxyMemory", "proxyMemoryLimit", annotated, all);
  const problems = [cpu.problem, memory.problem].filter((problem) => problem !== undefined);
  if (problems.length > 0) return problems.join("; ");
  return {
    proxyImage: all.proxyImage ?? "",
    log: all.log,
    natsUrl: valueOf("natsUrl", all),
    natsSecret: valueOf("natsSecret", all),
    userFunctionPort: all.userFunctionPort,
    requests: { cpu: valueOf("proxyCpu", all).text, memory: valueOf("proxyMemory", all).text },
    limits: {
      ...(cpu.value !== undefined && { cpu: cpu.value.text }),
      ...(memory.value !== undefined && { memory: memory.value.text }),
    },
    env: environment(all),
  };
}

function valueOf<K extends SettingName>(
  name: K,
  values: SettingValues,
): Exclude<SettingValues[K], undefined> {
  const given = values[name];
  if (given !== undefined) return given as Exclude<SettingValues[K], undefined>;
  const setting: ServiceSetting<unknown> = SERVICE_SETTINGS[name];
  const reading = setting.form.read(setting.default);
  return ("value" in reading ? reading.value : undefined) as Exclude<SettingValues[K], undefined>;
}

/**
 * A limit below the request is refused by Kubernetes. Whoever annotates only the request means that; the limit that
 * everybody has gives way.
 */
function limitFor(
  requestName: "proxyCpu" | "proxyMemory",
  limitName: "proxyCpuLimit" | "proxyMemoryLimit",
  annotated: SettingValues,
  all: SettingValues,
): { readonly value?: Quantity | undefined; readonly problem?: string } {
  const request = valueOf(requestName, all);
  // `none` is a value here: said, and no limit.
  const value = Object.hasOwn(all, limitName) ? all[limitName] : valueOf(limitName, all);
  if (value === undefined || value.amount >= request.amount) return { value };
  if (!Object.hasOwn(annotated, limitName)) return { value: request };
  const [limitKey, requestKey] = [SERVICE_SETTINGS[limitName].key, SERVICE_SETTINGS[requestName].key];
  return { problem: `${limitKey} (${value.text}) is less than ${requestKey} (${request.text})` };
}

function environment(values: SettingValues): ServiceOptions["env"] {
  const settings = Object.entries(SERVICE_SETTINGS) as [SettingName, ServiceSetting<unknown>][];
  return settings.flatMap(([name, { env }]) => {
    const value = values[name];
    return env === undefined || value === undefined || typeof value === "object"
      ? []
      : [{ name: env, value: String(value) }];
  });
}
