// SPDX-License-Identifier: Apache-2.0

/** What the dashboards and the rules of `config/monitoring` ask Prometheus for. */

import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { Dashboard, Panel } from "@grafana/grafana-foundation-sdk/dashboard";
import type { Dataquery as PrometheusQuery } from "@grafana/grafana-foundation-sdk/prometheus";
import { parse } from "yaml";

import { MONITORING, RULES } from "./written-files.ts";

export const DASHBOARDS = globSync("dashboards/*.json", { cwd: MONITORING })
  .sort()
  .map((file) => join(MONITORING, file));

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

export function dashboard(path: string): Dashboard {
  return JSON.parse(readFileSync(path, "utf8")) as Dashboard;
}

export function panelsOf({ panels = [] }: Dashboard): readonly Panel[] {
  return panels.filter((panel): panel is Panel => panel.type !== "row");
}

export function expressionsOf(board: Dashboard): readonly string[] {
  return panelsOf(board).flatMap(({ targets = [] }) =>
    targets.map((target) => (target as PrometheusQuery).expr),
  );
}

export function rules(): readonly Rule[] {
  const { groups } = parse(readFileSync(RULES, "utf8")) as { readonly groups: { readonly rules: Rule[] }[] };
  return groups.flatMap((group) => group.rules);
}

/** All of them. */
export function expressions(): readonly string[] {
  const ofDashboards = DASHBOARDS.flatMap((path) => expressionsOf(dashboard(path)));
  return [...ofDashboards, ...rules().map(({ expr }) => expr)];
}
