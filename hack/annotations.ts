// SPDX-License-Identifier: Apache-2.0

/**
 * Writes the tables of `docs/annotations.md`, and `config/core/400-config-perdure.yaml`, from the declaration that
 * parses annotations and ConfigMap: `node hack/annotations.ts`.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";

import type { ServiceSetting } from "../pkg/webhook/mod.ts";
import { CONFIG_NAME, PREFIX, settingsOf } from "../pkg/webhook/mod.ts";

const ROOT = join(import.meta.dirname, "..");
export const ANNOTATIONS_PAGE = join(ROOT, "docs", "annotations.md");
export const CONFIG_MAP = join(ROOT, "config", "core", "400-config-perdure.yaml");

const ANNOTATIONS = "<!-- Annotations, written by `node hack/annotations.ts`. -->";
const KEYS = "<!-- Keys, written by `node hack/annotations.ts`. -->";

const END = "<!-- The end of what it writes. -->";

const LINE_LENGTH = 100;

/** Values that the example ConfigMap shows for keys whose default is nothing. */
const EXAMPLES: Readonly<Record<string, string>> = {
  "allowed-logs": "tls://nats.elsewhere:4222 memory:",
  "allowed-proxy-images": "registry.example/perdure-proxy:next",
  "nats-servers": "3",
  "otel-exporter-otlp-endpoint": "http://collector.observability:4317",
  "otel-metrics-exporter": "otlp",
  "otel-traces-sampler-arg": "0.01",
  "proxy-image": "registry.example/perdure-proxy:0.1.0",
};

/** Returns the page with its two tables replaced by the current ones. */
export function withTables(page: string): string {
  const annotations = settingsOf("annotation").map(([, setting]) => row(setting, `${PREFIX}${setting.key}`));
  const keys = settingsOf("config").map(([, setting]) => row(setting, setting.key));
  return replacePart(
    replacePart(page, ANNOTATIONS, table("annotation", annotations)),
    KEYS,
    table("key", keys),
  );
}

/** Replaces what is between the comment `begin` and the next `END`. */
function replacePart(page: string, begin: string, part: string): string {
  const at = page.indexOf(begin);
  const end = page.indexOf(END, at);
  if (at === -1 || end === -1) throw new Error(`the page has no ${begin} with ${END} behind it`);
  return `${page.slice(0, at)}${begin}\n\n${part.trimEnd()}\n\n${page.slice(end)}`;
}

function table(what: string, rows: readonly string[]): string {
  return [`| ${what} | default | values | what it is |`, "|---|---|---|---|", ...rows].join("\n");
}

/** The ConfigMap as it is installed. It sets no key, and shows an example of each. */
export function configMap(): string {
  const example = exampleText();
  return `# SPDX-License-Identifier: Apache-2.0
# Written by \`node hack/annotations.ts\` from pkg/webhook/service-settings.ts.

apiVersion: v1
kind: ConfigMap
metadata:
  name: ${CONFIG_NAME}
  namespace: perdure-system
  labels:
    app.kubernetes.io/name: perdure
    app.kubernetes.io/component: webhook
    app.kubernetes.io/version: devel
  annotations:
    knative.dev/example-checksum: "${checksum(example)}"
data:
  _example: |
${example.replaceAll(/^(?=.)/gm, "    ")}
`;
}

/** As Knative computes it (knative.dev/pkg/configmap), to notice an example that was edited instead of copied. */
function checksum(example: string): string {
  return crc32(example.trim()).toString(16).padStart(8, "0");
}

function exampleText(): string {
  const head = `################################
#                              #
#    EXAMPLE CONFIGURATION     #
#                              #
################################

# This block is not read: it shows every key with its default, or with an example where there is
# none. To set one, write it beside _example, not into it.`;
  const keys = settingsOf("config").map(([, setting]) => {
    const value = shownDefault(setting) || EXAMPLES[setting.key] || "";
    return `${comment(setting.help)}\n${setting.key}: "${value}"`;
  });
  return [head, ...keys].join("\n\n");
}

function comment(text: string): string {
  const lines = text.replaceAll("`", "").match(new RegExp(`.{1,${LINE_LENGTH - 6}}(?: |$)`, "g")) ?? [];
  return lines.map((line) => `# ${line.trim()}`).join("\n");
}

/** As it would be written; "" if there is none. */
function shownDefault({ form, default: value }: ServiceSetting): string {
  return value === undefined ? "" : form.write(value);
}

function row(setting: ServiceSetting, shown: string): string {
  const text = shownDefault(setting);
  return `| \`${shown}\` | ${text === "" ? "none" : `\`${text}\``} | ${setting.form.shown} | ${setting.help} |`;
}

if (import.meta.main) {
  writeFileSync(ANNOTATIONS_PAGE, withTables(readFileSync(ANNOTATIONS_PAGE, "utf8")));
  writeFileSync(CONFIG_MAP, configMap());
}
