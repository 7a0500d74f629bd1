// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { parse, stringify } from "yaml";

import { cluster } from "./dashboards/cluster.ts";
import { entities } from "./dashboards/entities.ts";
import { log } from "./dashboards/log.ts";
import { overview } from "./dashboards/overview.ts";

export const MONITORING = join(import.meta.dirname, "..", "..", "config", "monitoring");

/** The rules as Prometheus reads them: the source of all others. */
export const RULES = join(MONITORING, "prometheus", "perdure.rules.yml");

/** A file of `config/monitoring` that is made from others. */
export interface WrittenFile {
  readonly path: string;
  readonly text: string;
}

export function writtenFiles(): readonly WrittenFile[] {
  const boards = { overview: overview(), entities: entities(), log: log(), cluster: cluster() };
  return [
    ...Object.entries(boards).map(([name, board]) => ({
      path: join(MONITORING, "dashboards", `${name}.json`),
      text: `${JSON.stringify(board, null, 2)}\n`,
    })),
    { path: join(MONITORING, "operator", "prometheusrule.yaml"), text: prometheusRule() },
  ];
}

/** The rules as an object of the Prometheus Operator. */
function prometheusRule(): string {
  const object = {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "PrometheusRule",
    metadata: {
      name: "perdure",
      namespace: "observability",
      labels: { "app.kubernetes.io/part-of": "perdure" },
    },
    spec: parse(readFileSync(RULES, "utf8")) as object,
  };
  return `# SPDX-License-Identifier: Apache-2.0
# Written by \`node hack/monitoring/main.ts\` from prometheus/perdure.rules.yml.

${stringify(object, { lineWidth: 0 })}`;
}
