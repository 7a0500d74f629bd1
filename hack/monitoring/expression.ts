// SPDX-License-Identifier: Apache-2.0

import type { SyntaxNode } from "@lezer/common";
import { parser } from "@prometheus-io/lezer-promql";

import type { Metric } from "../../pkg/telemetry/mod.ts";
import { sampleName } from "../../pkg/telemetry/mod.ts";

/** What a sample is for those who ask for it. */
interface Sample {
  readonly kind: "counter" | "gauge" | "bucket";
  readonly labels: ReadonlySet<string>;
  /** The values that a proxy gave these labels, as far as it is known what a proxy says. */
  readonly told?: readonly Labels[];
}

type Labels = Readonly<Record<string, string>>;

/** A metric as a proxy has told it. */
interface ToldFamily {
  readonly type: string;
  readonly samples: readonly { readonly name: string; readonly labels: Labels }[];
}

/** Labels that whoever reads the proxies' metrics adds to each of them (docs/observability.md). */
const OF_THE_POD = ["job", "namespace", "service", "revision", "pod"];

/** Prometheus itself makes this one, for each pod that it reads. */
const UP: Sample = { kind: "gauge", labels: new Set(OF_THE_POD) };

/** Functions of how much a counter has grown. */
const GROWTH = new Set(["rate", "irate", "increase"]);

/** The samples that these metrics have, by name. */
export function samplesOf(metrics: readonly Metric[]): ReadonlyMap<string, Sample> {
  const samples = metrics.flatMap((metric): [string, Sample][] => {
    const labels = [...OF_THE_POD, ...metric.labels];
    if (metric.kind !== "histogram")
      return [[sampleName(metric), { kind: metric.kind, labels: new Set(labels) }]];
    return [
      [`${metric.name}_bucket`, { kind: "bucket", labels: new Set([...labels, "le"]) }],
      [`${metric.name}_sum`, { kind: "counter", labels: new Set(labels) }],
      [`${metric.name}_count`, { kind: "counter", labels: new Set(labels) }],
    ];
  });
  return new Map([["up", UP], ...samples]);
}

/** The samples that a proxy has told, by name, with the labels that it has given them. */
export function samplesTold(families: Iterable<ToldFamily>): ReadonlyMap<string, Sample> {
  const samples = [...families].flatMap((family) =>
    family.samples.map((each) => ({ ...each, type: family.type })),
  );
  const told = Map.groupBy(samples, ({ name }) => name);
  const read = [...told].map(([name, all]): [string, Sample] => {
    const isGauge = all.every(({ type }) => type === "gauge");
    const kind = isGauge ? "gauge" : name.endsWith("_bucket") ? "bucket" : "counter";
    const labels = new Set([...OF_THE_POD, ...all.flatMap((each) => Object.keys(each.labels))]);
    return [name, { kind, labels, told: all.map((each) => each.labels) }];
  });
  return new Map([["up", UP], ...read]);
}

/** What is wrong with a PromQL expression about these samples, in words; empty if nothing. */
export function problemsOf(expression: string, samples: ReadonlyMap<string, Sample>): readonly string[] {
  // Grafana replaces its variables before it asks Prometheus.
  const text = expression.replaceAll("$__rate_interval", "5m");
  const problems: string[] = [];
  parser.parse(text).iterate({
    enter({ type, node }) {
      if (type.isError) problems.push(`not PromQL at character ${node.from}`);
      else if (type.name === "VectorSelector") problems.push(...problemsOfSelector(node, text, samples));
      else if (type.name === "AggregateModifier") problems.push(...problemsOfGrouping(node, text, samples));
      else if (functionOf(node, text) === "histogram_quantile")
        problems.push(...problemsOfQuantile(node, text, samples));
    },
  });
  return problems;
}

function problemsOfSelector(
  node: SyntaxNode,
  text: string,
  samples: ReadonlyMap<string, Sample>,
): readonly string[] {
  const name = nameOf(node, text);
  const sample = samples.get(name);
  if (sample === undefined) return [`there is no ${name}`];
  const problems = textsIn(node, "LabelName", text)
    .filter((label) => !sample.labels.has(label))
    .map((label) => `${name} has no label ${label}`);
  problems.push(...problemsOfValues(node, text, name, sample));
  const around = ancestorsOf(node);
  const grows = around.some((each) => GROWTH.has(functionOf(each, text) ?? ""));
  // What has begun less what has ended is how much goes on now.
  const isDifference = around.some((each) => each.name === "BinaryExpr" && each.getChild("Sub") !== null);
  if (sample.kind === "gauge" && grows) problems.push(`${name} is a gauge, and rates are of counters`);
  if (sample.kind !== "gauge" && !grows && !isDifference) problems.push(`${name} needs a rate`);
  if (sample.kind === "bucket" && !around.some((each) => functionOf(each, text) === "histogram_quantile"))
    problems.push(`${name} is for histogram_quantile`);
  return problems;
}

/** A value that is asked for is one that some label has. */
function problemsOfValues(
  node: SyntaxNode,
  text: string,
  name: string,
  { told = [] }: Sample,
): readonly string[] {
  return nodesIn(node, "UnquotedLabelMatcher").flatMap((matcher) => {
    const [label = ""] = textsIn(matcher, "LabelName", text);
    const [operator] = textsIn(matcher, "MatchOp", text);
    const [literal = '""'] = textsIn(matcher, "StringLiteral", text);
    const values = told.flatMap((labels) => labels[label] ?? []);
    if (values.length === 0 || (operator !== "=" && operator !== "=~")) return [];
    const value = JSON.parse(literal) as string;
    const asked = new RegExp(`^(?:${operator === "=" ? RegExp.escape(value) : value})$`);
    return values.some((each) => asked.test(each)) ? [] : [`no ${name} has ${label}${operator}${literal}`];
  });
}

/** A label by which something is grouped is one that all of it has. */
function problemsOfGrouping(
  node: SyntaxNode,
  text: string,
  samples: ReadonlyMap<string, Sample>,
): readonly string[] {
  const inside = selectorsIn(node.parent ?? node).map((each) => nameOf(each, text));
  return textsIn(node, "LabelName", text).flatMap((label) =>
    inside
      .filter((name) => samples.get(name)?.labels.has(label) === false)
      .map((name) => `${name} has no label ${label} to group by`),
  );
}

function problemsOfQuantile(
  node: SyntaxNode,
  text: string,
  samples: ReadonlyMap<string, Sample>,
): readonly string[] {
  const names = selectorsIn(node).map((each) => nameOf(each, text));
  const problems = names
    .filter((name) => samples.get(name)?.kind !== "bucket")
    .map((name) => `histogram_quantile of ${name}, which is no bucket`);
  const groups = nodesIn(node, "GroupingLabels");
  const keepsBuckets = groups.every((group) => textsIn(group, "LabelName", text).includes("le"));
  return keepsBuckets ? problems : [...problems, "histogram_quantile needs the label le"];
}

/** The name of the function that is called here; undefined if none is. */
function functionOf(node: SyntaxNode, text: string): string | undefined {
  const name = node.name === "FunctionCall" ? node.getChild("FunctionIdentifier") : null;
  return name === null ? undefined : text.slice(name.from, name.to);
}

function nameOf(selector: SyntaxNode, text: string): string {
  const name = selector.getChild("Identifier");
  return name === null ? "" : text.slice(name.from, name.to);
}

function selectorsIn(node: SyntaxNode): readonly SyntaxNode[] {
  return nodesIn(node, "VectorSelector");
}

function textsIn(node: SyntaxNode, name: string, text: string): readonly string[] {
  return nodesIn(node, name).map(({ from, to }) => text.slice(from, to));
}

function nodesIn(node: SyntaxNode, name: string): readonly SyntaxNode[] {
  const found: SyntaxNode[] = [];
  node.cursor().iterate((each) => {
    if (each.name === name) found.push(each.node);
  });
  return found;
}

function ancestorsOf(node: SyntaxNode): readonly SyntaxNode[] {
  return node.parent === null ? [] : [node.parent, ...ancestorsOf(node.parent)];
}
