// SPDX-License-Identifier: Apache-2.0

/** Writes `docs/configuration.md` from the declaration that parses the settings: `node hack/configuration.ts`. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { PROXY_SETTING_GROUPS, PROXY_SETTINGS } from "../pkg/proxy/mod.ts";
import type { Form, Setting, SettingGroup } from "../pkg/settings/mod.ts";
import {
  GIB,
  isNumberForm,
  KIB,
  MIB,
  SECOND_MS,
  shownDefault,
  shownDuration,
  withoutRepeats,
} from "../pkg/settings/mod.ts";
import { WEBHOOK_SETTINGS } from "../pkg/webhook/mod.ts";

export const CONFIGURATION_PAGE = join(import.meta.dirname, "..", "docs", "configuration.md");

const { log, userFunctionPort, httpPort, relayTimeoutMs, logLevel } = PROXY_SETTINGS;

/** The settings that almost everybody changes sooner or later. */
const FIVE = { log, userFunctionPort, httpPort, relayTimeoutMs, logLevel };

export function configurationPage(): string {
  const [usual, ...others] = PROXY_SETTING_GROUPS;
  const groups = withoutRepeats([
    { title: "The five you will touch", settings: FIVE },
    { title: "Other usual settings", settings: usual?.settings ?? {} },
    ...others,
  ]).map(section);
  return `# Configuration of the proxy

If a setting has both a flag and an environment variable, the flag counts; if it has neither, the default. An empty variable is one that is
not set. Cloudstate's variables keep their names; most of ours begin with \`PERDURE_\`. An invalid value stops the proxy at
start with exit code 2 and a line that says what is valid. Numbers are written without their unit: \`--relay-timeout 30000\`
is 30 seconds. \`perdure-proxy --help\` shows the same settings.

${groups.join("\n")}
## Elsewhere

A user function written with \`@perdure/sdk\` takes \`HOST\` (default \`127.0.0.1\`) and \`PORT\` (default \`8080\`); its
other settings are options of \`serve\` (see \`pkg/sdk/README.md\`). \`perdure dev\` chooses both by itself.

In Kubernetes the proxy is added to pods by the webhook, which sets what [annotations](annotations.md) say.

## Memory

The most memory that a proxy takes follows from four settings; [security](security.md#memory) says what each is for, and what was measured.

| what | with the defaults, in MiB |
|---|---|
${memoryRows().join("\n")}

## The webhook

The same holds for the process of the webhook. In the pod of \`config/core\` it needs none of these.

${table(WEBHOOK_SETTINGS)}
This page is written by \`node hack/configuration.ts\` from the \`settings.ts\` of each layer, which \`pkg/proxy/settings.ts\` puts
together, and from \`pkg/webhook/settings.ts\`.
`;
}

/** Memory of an idle proxy with its user function and its log in SQLite, as measured in `docs/performance.md`. */
const IDLE_MIB = 112;

/** Memory of one HTTP/2 connection, in KiB. */
const CONNECTION_KIB = 22;

/** For what no account counts: garbage that V8 has not collected yet, and one large JSON text in all its forms. */
const UNCOUNTED = 4 / 3;

/** The rows that add up the most memory of a proxy, from the defaults. */
function memoryRows(): string[] {
  const { maxConnections, maxBufferedBytes, maxPendingBytes, maxEntityBytes } = PROXY_SETTINGS;
  const parts: (readonly [string, number])[] = [
    ["an idle proxy and its user function's connection", IDLE_MIB],
    [
      `\`--${maxConnections.flag}\`, ${CONNECTION_KIB} KiB each`,
      (maxConnections.default * CONNECTION_KIB) / KIB,
    ],
    ...[maxBufferedBytes, maxPendingBytes, maxEntityBytes].map(
      (setting) => [`\`--${setting.flag}\``, setting.default / MIB] as const,
    ),
  ];
  const sumMib = parts.reduce((sum, [, mib]) => sum + mib, 0);
  const all = [
    ...parts,
    ["their sum", sumMib] as const,
    ["the most: four thirds of it", sumMib * UNCOUNTED] as const,
  ];
  return all.map(([what, mib]) => `| ${what} | ${Math.round(mib)} |`);
}

function section({ title, settings }: SettingGroup): string {
  return `## ${title}\n\n${table(settings)}`;
}

function table(settings: SettingGroup["settings"]): string {
  const head = ["| flag | environment | default | range | what it is |", "|---|---|---|---|---|"];
  return `${[...head, ...Object.values(settings).map(row)].join("\n")}\n`;
}

function row(setting: Setting): string {
  const { flag, env, form, default: value, help } = setting;
  const names = [`--${flag}`, env].map((text) => `\`${text}\``);
  const shown = `\`${shownDefault(setting)}\`${inWords(form, value)}`;
  return `| ${[...names, shown, range(form), help].join(" | ")} |`;
}

function range(form: Form<unknown>): string {
  return isNumberForm(form) ? `${form.shown}${inWords(form, form.max)}` : form.shown;
}

const BINARY_UNITS = [
  ["TiB", KIB * GIB],
  ["GiB", GIB],
  ["MiB", MIB],
  ["KiB", KIB],
] as const;

/** A large number of milliseconds or bytes as people say it: ` (30s)`, ` (12 MiB)`. */
function inWords(form: Form<unknown>, value: unknown): string {
  if (!isNumberForm(form) || typeof value !== "number") return "";
  if (form.unit === "ms" && value >= SECOND_MS) return ` (${shownDuration(value)})`;
  if (form.unit !== "bytes") return "";
  const [name, size] = BINARY_UNITS.find(([, bytes]) => value > 0 && value % bytes === 0) ?? [];
  return size === undefined ? "" : ` (${value / size} ${name})`;
}

if (import.meta.main) writeFileSync(CONFIGURATION_PAGE, configurationPage());
