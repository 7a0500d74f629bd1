// SPDX-License-Identifier: Apache-2.0

import { execFile } from "node:child_process";
import { mkdtempDisposableSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { VariableType } from "@grafana/grafana-foundation-sdk/dashboard";
import type { ExecutionContext } from "ava";
import test from "ava";
import { parse, stringify } from "yaml";

import { PROXY_METRIC_GROUPS } from "../../pkg/proxy/mod.ts";
import { sampleName } from "../../pkg/telemetry/mod.ts";

import { goDependency } from "../../test/lib/go-tool.ts";
import { findPromtool } from "../../test/lib/promtool.ts";
import { problemsOf, samplesOf, samplesTold } from "./expression.ts";
import { DASHBOARDS, dashboard, expressionsOf, panelsOf, rules } from "./queries.ts";
import { MONITORING, RULES, writtenFiles } from "./written-files.ts";

const run = promisify(execFile);

const METRICS = PROXY_METRIC_GROUPS.flatMap(({ metrics }) => Object.values(metrics));
const SAMPLES = samplesOf(METRICS);

const ALERT_TESTS = join(import.meta.dirname, "alerts.test.yml");

/** Reads dashboards by Grafana's own types. */
const GRAFANA_SCHEMA = {
  folder: join(import.meta.dirname, "grafana-schema"),
  package: "perdure.dev/hack/monitoring/grafana-schema",
} as const;

/** What is made wrong in a dashboard, to see that it is found. */
const MISTAKES = [
  ['"fillOpacity": 10', '"opacity": 10'],
  ['"unit": "s"', '"unit": 5'],
  ['"legendFormat"', '"legend"'],
  ['"type": "timeseries"', '"type": 7'],
] as const;

/** A tool is downloaded or built once. */
const TOOL_TIMEOUT_MS = 600_000;

/** Prometheus and its operator spell it differently. */
interface Relabeling {
  readonly target_label?: string;
  readonly targetLabel?: string;
}

interface Job {
  readonly relabel_configs?: readonly Relabeling[];
  readonly metric_relabel_configs?: readonly Relabeling[];
  readonly honor_labels?: boolean;
}

test("what is written is up to date (else run: node hack/monitoring/main.ts)", (t) => {
  for (const { path, text } of writtenFiles()) t.is(readFileSync(path, "utf8"), text, path);
});

test("every query of a dashboard is about metrics and labels that there are", (t) => {
  t.is(DASHBOARDS.length, 4);
  for (const path of DASHBOARDS) {
    const expressions = expressionsOf(dashboard(path));
    t.true(expressions.length > 5, path);
    for (const expression of expressions) t.deepEqual(problemsOf(expression, SAMPLES), [], expression);
  }
});

test("the variables of a dashboard ask for a metric that there is", (t) => {
  for (const path of DASHBOARDS) {
    const queries = (dashboard(path).templating?.list ?? []).filter(
      ({ type }) => type === VariableType.Query,
    );
    t.is(queries.length, 2);
    for (const { query } of queries) {
      const [, name = ""] = /^label_values\((\w+)/.exec((query as { readonly query: string }).query) ?? [];
      t.true(SAMPLES.has(name), name);
    }
  }
});

test("every metric is on a dashboard", (t) => {
  const shown = DASHBOARDS.flatMap((path) => expressionsOf(dashboard(path))).join("\n");
  const missing = METRICS.filter((metric) => !shown.includes(sampleName(metric)));
  t.deepEqual(
    missing.map(({ name }) => name),
    [],
  );
});

test("every panel says what it shows, and no two dashboards share a uid", (t) => {
  const boards = DASHBOARDS.map(dashboard);
  t.is(new Set(boards.map(({ uid }) => uid)).size, boards.length);
  for (const panel of boards.flatMap(panelsOf)) {
    t.truthy(panel.title);
    t.truthy(panel.description, panel.title);
  }
});

test("every rule is about metrics and labels that there are, and has a section that says what to do", (t) => {
  const page = readFileSync(join(MONITORING, "..", "..", "docs", "observability.md"), "utf8");
  for (const { alert, expr, labels, annotations } of rules()) {
    t.deepEqual(problemsOf(expr, SAMPLES), [], alert);
    t.true(["critical", "warning"].includes(labels.severity), alert);
    t.true(annotations.description.endsWith(`docs/observability.md#${alert.toLowerCase()}`), alert);
    t.true(page.includes(`\n### ${alert}\n`), alert);
  }
  const described = [...page.matchAll(/^### (Perdure\w+)$/gm)].map(([, name]) => name);
  t.deepEqual(
    described,
    rules().map(({ alert }) => alert),
    "in the order of the rules",
  );
});

test("a wrong expression is found out", (t) => {
  const wrong: Readonly<Record<string, string>> = {
    "rate(perdure_commands_lost_total[5m])": "there is no perdure_commands_lost_total",
    "perdure_commands_failed_total > 5": "perdure_commands_failed_total needs a rate",
    "rate(perdure_connections[5m])": "perdure_connections is a gauge, and rates are of counters",
    'perdure_connections{type="cart"}': "perdure_connections has no label type",
    "sum by (type) (perdure_connections)": "perdure_connections has no label type to group by",
    "histogram_quantile(0.9, sum by (type) (rate(perdure_command_seconds_bucket[5m])))":
      "histogram_quantile needs the label le",
    "histogram_quantile(0.9, rate(perdure_commands_failed_total[5m]))":
      "histogram_quantile of perdure_commands_failed_total, which is no bucket",
    "rate(perdure_command_seconds_bucket[5m])": "perdure_command_seconds_bucket is for histogram_quantile",
    "rate(perdure_command_seconds[5m])": "there is no perdure_command_seconds",
    "rate(perdure_commands_failed_total[5m]": "not PromQL at character 38",
  };
  for (const [expression, problem] of Object.entries(wrong))
    t.deepEqual(problemsOf(expression, SAMPLES), [problem], expression);
});

test("what no proxy has told is found out", (t) => {
  const name = "perdure_log_failures_total";
  const told = samplesTold([{ type: "counter", samples: [{ name, labels: { code: "LOG_FULL" } }] }]);
  const asked: Readonly<Record<string, string | undefined>> = {
    [`rate(${name}{code="LOG_FULL", namespace="shop"}[5m])`]: undefined,
    [`rate(${name}{code=~"LOG_.*|APPEND_CONFLICT"}[5m])`]: undefined,
    [`rate(${name}{code!="LOG_FULL"}[5m])`]: undefined,
    [`rate(${name}{code="LOG_"}[5m])`]: `no ${name} has code="LOG_"`,
    [`rate(${name}{code=~"LOG_"}[5m])`]: `no ${name} has code=~"LOG_"`,
    [`rate(${name}{operation="append"}[5m])`]: `${name} has no label operation`,
    "perdure_connections > 5": "there is no perdure_connections",
  };
  for (const [expression, problem] of Object.entries(asked))
    t.deepEqual(problemsOf(expression, told), problem === undefined ? [] : [problem], expression);
});

test("promtool accepts the rules and the example of a configuration", async (t) => {
  const promtool = await promtoolOf(t);
  if (promtool === undefined) return;
  await t.notThrowsAsync(run(promtool, ["check", "rules", "--lint-fatal", RULES]));
  using scratch = mkdtempDisposableSync(join(tmpdir(), "prometheus-"));
  const example = parse(readFileSync(join(MONITORING, "prometheus", "prometheus.yml"), "utf8")) as {
    readonly scrape_configs: readonly Record<string, unknown>[];
  };
  t.truthy(example.scrape_configs[0]?.["kubernetes_sd_configs"]);
  // Debian builds Prometheus without it.
  const jobs = example.scrape_configs.map((job) => ({ ...job, kubernetes_sd_configs: undefined }));
  const path = join(scratch.path, "prometheus.yml");
  writeFileSync(path, stringify({ ...example, rule_files: [RULES], scrape_configs: jobs }));
  await t.notThrowsAsync(run(promtool, ["check", "config", path]));
});

test("each alert rises when it should, and not otherwise", async (t) => {
  const promtool = await promtoolOf(t);
  if (promtool === undefined) return;
  await t.notThrowsAsync(run(promtool, ["test", "rules", ALERT_TESTS]));
  const tested = readFileSync(ALERT_TESTS, "utf8").matchAll(/alertname: (\w+)/g);
  t.deepEqual(new Set([...tested].map(([, name]) => name)), new Set(rules().map(({ alert }) => alert)));
  using scratch = mkdtempDisposableSync(join(tmpdir(), "alerts-"));
  const wrong = join(scratch.path, "wrong.yml");
  const text = readFileSync(ALERT_TESTS, "utf8").replace(
    "../../config/monitoring/prometheus/perdure.rules.yml",
    RULES,
  );
  writeFileSync(wrong, text.replace("values: 1x2 0x10", "values: 1x12"));
  await t.throwsAsync(run(promtool, ["test", "rules", wrong]), undefined, "it works");
});

test("however Prometheus gets the metrics, they have the same labels", (t) => {
  const targets = (list: readonly Relabeling[]): readonly string[] =>
    list
      .map(({ target_label, targetLabel }) => target_label ?? targetLabel ?? "")
      .filter((label) => label !== "")
      .sort();
  const plain = parse(readFileSync(join(MONITORING, "prometheus", "prometheus.yml"), "utf8")) as {
    readonly scrape_configs: readonly Job[];
  };
  const monitor = parse(readFileSync(join(MONITORING, "operator", "podmonitor.yaml"), "utf8")) as {
    readonly spec: {
      readonly podMetricsEndpoints: readonly { readonly relabelings: readonly Relabeling[] }[];
    };
  };
  // The job is the name of the first, and the operator adds namespace and pod by itself.
  const ofPlain = targets([...(plain.scrape_configs[0]?.relabel_configs ?? []), { target_label: "job" }]);
  const ofMonitor = targets([
    ...(monitor.spec.podMetricsEndpoints[0]?.relabelings ?? []),
    { targetLabel: "namespace" },
    { targetLabel: "pod" },
  ]);
  t.deepEqual(ofPlain, ofMonitor);
  const [, pushed] = plain.scrape_configs;
  t.true(pushed?.honor_labels, "the Collector says the job");
  t.deepEqual(targets([...(pushed?.metric_relabel_configs ?? []), { target_label: "job" }]), ofPlain);
});

test("the dashboards are what Grafana's schema says", async (t) => {
  t.timeout(TOOL_TIMEOUT_MS, "it is built once");
  const tool = await goDependency(GRAFANA_SCHEMA);
  if (tool.kind === "missing") return skipped(t, `Grafana's schema: ${tool.reason}`);
  const { stdout } = await run(tool.path, DASHBOARDS);
  t.deepEqual(stdout.trim().split("\n"), DASHBOARDS);
  using scratch = mkdtempDisposableSync(join(tmpdir(), "dashboards-"));
  const right = readFileSync(DASHBOARDS[0] as string, "utf8");
  for (const [from, to] of MISTAKES) {
    t.true(right.includes(from));
    const path = join(scratch.path, "wrong.json");
    writeFileSync(path, right.replace(from, to));
    await t.throwsAsync(run(tool.path, [path]), undefined, to);
  }
});

async function promtoolOf(t: ExecutionContext): Promise<string | undefined> {
  t.timeout(TOOL_TIMEOUT_MS, "it is downloaded once");
  const promtool = await findPromtool();
  if (promtool.kind === "found") return promtool.path;
  skipped(t, `promtool: ${promtool.reason}`);
  return undefined;
}

/** In continuous integration what cannot be checked has failed. */
function skipped(t: ExecutionContext, reason: string): void {
  if (process.env["CI"] === "true") t.fail(reason);
  else console.log(`skipped: ${reason}`);
  t.pass();
}
