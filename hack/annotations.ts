// SPDX-License-Identifier: Apache-2.0

/**
 * Writes `docs/annotations.md` and `config/core/400-config-perdure.yaml` from the declaration that parses annotations
 * and ConfigMap: `node hack/annotations.ts`.
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";

import type { ServiceSetting } from "../pkg/webhook/mod.ts";
import { CONFIG_NAME, PREFIX, settingsOf } from "../pkg/webhook/mod.ts";

const ROOT = join(import.meta.dirname, "..");
export const ANNOTATIONS_PAGE = join(ROOT, "docs", "annotations.md");
export const CONFIG_MAP = join(ROOT, "config", "core", "400-config-perdure.yaml");

const LINE_LENGTH = 100;

/** Values that the example ConfigMap shows for keys that have no default. */
const EXAMPLES: Readonly<Record<string, string>> = {
  "allowed-logs": "tls://nats.elsewhere:4222 memory:",
  "allowed-proxy-images": "registry.example/perdure-proxy:next",
  "nats-servers": "3",
  "proxy-image": "registry.example/perdure-proxy:0.1.0",
};

/** The whole page. */
export function annotationsPage(): string {
  const annotations = settingsOf("annotation").map(([, setting]) => row(setting, `${PREFIX}${setting.key}`));
  const keys = settingsOf("config").map(([, setting]) => row(setting, setting.key));
  return `# Annotations of a stateful service

A Knative Service becomes stateful by one annotation; the others are for those who want something else than the default.

\`\`\`sh
npm run image -- shopping-cart --name registry.example/shopping-cart:1    # then to your registry, by the tool that you have
kn service create cart --image registry.example/shopping-cart:1 --port h2c:8080 \\
  --annotation ${PREFIX}stateful=true --annotation ${PREFIX}passivation-timeout=5m
\`\`\`

| annotation | default | values | what it is |
|---|---|---|---|
${annotations.join("\n")}

- The default is what \`${CONFIG_NAME}\` says; only where that says nothing it is what the table says.
- They may stand on the Service, on its template (\`spec.template.metadata\`), or on both as \`kn --annotation\` writes them.
  Those of the Service are copied to the template, since only from there they reach revisions and pods. If the sides
  differ, the one that was changed last is right; removed from the Service, an annotation leaves the template too.
- A revision keeps what it was made with, as with everything in a template. What \`config-perdure\` says reaches a pod when
  it is made.
- An annotation \`${PREFIX}…\` that is not in this table, or whose value makes no sense, is refused, and so is what a
  stateful service cannot have: [errors](errors.md#kubernetes) lists the codes.
- The log of a service is under a prefix of its namespace and name, and what an annotation asks for is held to that
  (\`LOG_OF_ANOTHER\`, \`LOG_NOT_ALLOWED\`). To change it, or to take over the state of another service of the namespace,
  \`${PREFIX}confirm-log\` repeats the address:

  \`\`\`sh
  kn service update cart --annotation ${PREFIX}log=nats://nats.perdure-system.svc:4222/shop_cart_v2 \\
    --annotation ${PREFIX}confirm-log=nats://nats.perdure-system.svc:4222/shop_cart_v2
  \`\`\`

  What the service knew stays under the old address, and is there again when the log is changed back. Pods of older
  revisions keep the log that they were made with. [Tenants](tenants.md) says what this protects from, and what else is needed.
- Keys are written in small letters, as they stand here: Kubernetes takes others too, and they are refused.
- \`kn service delete\` removes no state: a service that is created with the same name in the same namespace has it again.
  [The event log](event-log.md#removing-the-state-of-a-service) says how to remove it.
- A stateful service has one pod at a time: \`autoscaling.knative.dev/max-scale\` is set to 1, and a larger one is refused.
  While a new revision takes over two pods may overlap; the log keeps that safe.
- Where the template has a name of its own (\`spec.template.metadata.name\`), give it another one when an annotation changes, as
  with any change of a template.
- The user function must not listen on 9000 and 9010, where the proxy does, nor on Knative's own ports 8008, 8012, 8013,
  8022, 8112, 9090 and 9091.

## For all services: the ConfigMap \`${CONFIG_NAME}\`

In the namespace \`perdure-system\`. An annotation is stronger, where there is one. A key that is not in this table, or whose
value makes no sense, makes the ConfigMap invalid: what was last right goes on counting. A webhook that starts with nothing right refuses
stateful services and their new pods with \`BAD_CONFIGURATION\`; pods that run go on either way.

| key | default | values | what it is |
|---|---|---|---|
${keys.join("\n")}

This page is written by \`node hack/annotations.ts\` from \`pkg/webhook/service-settings.ts\`.
`;
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
${indent(example, "    ")}
`;
}

/**
 * The checksum as Knative computes it (knative.dev/pkg/configmap), to notice an example that was edited instead of
 * copied.
 */
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

function indent(text: string, by: string): string {
  return text
    .split("\n")
    .map((line) => (line === "" ? "" : by + line))
    .join("\n");
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
  writeFileSync(ANNOTATIONS_PAGE, annotationsPage());
  writeFileSync(CONFIG_MAP, configMap());
}
