// SPDX-License-Identifier: Apache-2.0

/** Writes `docs/configuration.md` from the declaration that parses the settings: `node hack/configuration.ts`. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Setting, SettingGroup } from "../pkg/base/mod.ts";
import { shownDefault } from "../pkg/base/mod.ts";
import { PROXY_SETTING_GROUPS, PROXY_SETTINGS } from "../pkg/proxy/mod.ts";
import { WEBHOOK_SETTINGS } from "../pkg/webhook/mod.ts";

export const CONFIGURATION_PAGE = join(import.meta.dirname, "..", "docs", "configuration.md");

/** The whole page. */
export function configurationPage(): string {
  const groups = PROXY_SETTING_GROUPS.map(section);
  return `# Configuration of the proxy

A flag is stronger than its environment variable, that is stronger than the default. An empty variable is one that is
not set. Cloudstate's variables keep their names; most of ours begin with \`PERDURE_\`. A value that makes no sense stops the
proxy at start with exit code 2 and a line that says what would make sense. \`perdure-proxy --help\` shows the same groups.

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
This page is written by \`node hack/configuration.ts\` from \`pkg/proxy/options.ts\` and \`pkg/webhook/options.ts\`.
`;
}

/** Memory of an idle proxy with its user function and its log in SQLite, as measured in `docs/performance.md`. */
const IDLE_MIB = 112;

/** Memory of one HTTP/2 connection, in KiB. */
const CONNECTION_KIB = 22;

/**
 * Factor for memory that no account counts: garbage that V8 has not collected yet, and one large JSON text in all its
 * forms.
 */
const UNCOUNTED = 4 / 3;

/** The rows that add up the most memory of a proxy, from the defaults. */
function memoryRows(): string[] {
  const { maxConnections, maxBufferedBytes, maxPendingBytes, maxEntityBytes } = PROXY_SETTINGS;
  const parts: (readonly [string, number])[] = [
    ["an idle proxy and its user function's connection", IDLE_MIB],
    [
      `\`--${maxConnections.flag}\`, ${CONNECTION_KIB} KiB each`,
      (maxConnections.default * CONNECTION_KIB) / 1_024,
    ],
    ...[maxBufferedBytes, maxPendingBytes, maxEntityBytes].map(
      (setting) => [`\`--${setting.flag}\``, setting.default / 1_048_576] as const,
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
  return `${[...head, ...Object.values<Setting>(settings).map(row)].join("\n")}\n`;
}

function row(setting: Setting): string {
  const cells = [`--${setting.flag}`, setting.env, shownDefault(setting)].map((text) => `\`${text}\``);
  return `| ${[...cells, range(setting), setting.help].join(" | ")} |`;
}

function range(setting: Setting): string {
  switch (setting.kind) {
    case "number":
      return `${setting.min} to ${setting.max}`;
    case "boolean":
      return "true, false";
    case "text":
      return setting.oneOf?.join(", ") ?? (setting.form === "http-url" ? "`http://…`" : "text");
  }
}

if (import.meta.main) writeFileSync(CONFIGURATION_PAGE, configurationPage());
