// SPDX-License-Identifier: Apache-2.0

/**
 * What all dashboards have in common, so that a dashboard's own file is a list of its panels. They are in Grafana's
 * classic model, because every Grafana since version 8 reads it, and the sidecar that loads ConfigMaps knows no other.
 */

import type { Builder } from "@grafana/grafana-foundation-sdk/cog";
import {
  StackingConfigBuilder,
  StackingMode,
  VizLegendOptionsBuilder,
} from "@grafana/grafana-foundation-sdk/common";
import type { Dashboard, Panel } from "@grafana/grafana-foundation-sdk/dashboard";
import {
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder } from "@grafana/grafana-foundation-sdk/timeseries";

/** A dashboard is found by it, and links to the others with it. */
const TAG = "perdure";

/** The data source that the reader chooses. */
const SOURCE = { type: "prometheus", uid: "${datasource}" } as const;

/** What every query selects: the services that the reader has chosen. */
export const CHOSEN = 'namespace=~"$namespace", service=~"$service"';

/** As Grafana names them. */
export type Unit = "s" | "bytes" | "Bps" | "ops" | "short" | "percentunit";

/** A query, under the text that names its lines. */
export type Query = readonly [legend: string, expression: string];

export interface PanelText {
  readonly title: string;
  /** One or two sentences for operators: what it shows, and when to worry. */
  readonly help: string;
  readonly unit: Unit;
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Builder<Panel>[];
}

/** @param uid must never change, because links and bookmarks name it. */
export function board(uid: string, title: string, help: string, rows: readonly Row[]): Dashboard {
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .description(help)
    .tags([TAG])
    .time({ from: "now-1h", to: "now" })
    .refresh("30s")
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(new DatasourceVariableBuilder("datasource").label("Prometheus").type("prometheus"))
    .withVariable(choice("namespace", "Namespace", "label_values(perdure_open_requests_limit, namespace)"))
    .withVariable(
      choice(
        "service",
        "Service",
        'label_values(perdure_open_requests_limit{namespace=~"$namespace"}, service)',
      ),
    )
    .link(
      new DashboardLinkBuilder("Perdure")
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .includeVars(true)
        .keepTime(true),
    );
  for (const row of rows) {
    builder.withRow(new RowBuilder(row.title));
    for (const panel of row.panels) builder.withPanel(panel);
  }
  return builder.build();
}

/** Lines over time. */
export function lines(text: PanelText, ...queries: readonly Query[]): PanelBuilder {
  const panel = new PanelBuilder()
    .title(text.title)
    .description(text.help)
    .datasource(SOURCE)
    .unit(text.unit)
    .min(0)
    .span(12)
    .height(8)
    .fillOpacity(10)
    .legend(new VizLegendOptionsBuilder().showLegend(true));
  for (const [index, [legend, expression]] of queries.entries()) {
    panel.withTarget(
      new DataqueryBuilder()
        .refId(String.fromCharCode("A".charCodeAt(0) + index))
        .datasource(SOURCE)
        .expr(expression)
        .legendFormat(legend)
        .range()
        // Traces behind the points, where Prometheus keeps exemplars.
        .exemplar(expression.includes("_bucket")),
    );
  }
  return panel;
}

/** Lines whose sum means something, one on top of the other. */
export function stack(text: PanelText, ...queries: readonly Query[]): PanelBuilder {
  return lines(text, ...queries).stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
}

/** The median and the 99th percentile of a histogram, in one panel. */
export function percentiles(text: PanelText, metric: string, by: string, matchers = CHOSEN): PanelBuilder {
  const at = (quantile: number): string =>
    `histogram_quantile(${quantile}, sum by (le, ${by}) (rate(${metric}_bucket{${matchers}}[$__rate_interval])))`;
  const legend = by
    .split(", ")
    .map((label) => `{{${label}}}`)
    .join(" ");
  return lines(text, [`${legend} p50`, at(0.5)], [`${legend} p99`, at(0.99)]);
}

/** How often something happens, by labels. */
export function rate(metric: string, by: string, matchers = CHOSEN): string {
  return `sum by (${by}) (rate(${metric}{${matchers}}[$__rate_interval]))`;
}

/** A variable with all values, of which the reader may choose several. */
function choice(name: string, label: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(SOURCE)
    .query({ qryType: 1, query, refId: "PrometheusVariableQueryEditor-VariableQuery" })
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue(".*")
    .current({ selected: true, text: ["All"], value: ["$__all"] });
}
