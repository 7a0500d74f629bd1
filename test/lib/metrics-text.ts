// SPDX-License-Identifier: Apache-2.0

/**
 * A strict reader of metrics as text, written from the two specifications: the text format of Prometheus 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/) and OpenMetrics 1.0.0
 * (https://prometheus.io/docs/specs/om/open_metrics_spec/). It takes no more than the proxy may say.
 */

export interface ReadSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Of OpenMetrics. */
  readonly exemplar:
    | { readonly labels: Readonly<Record<string, string>>; readonly value: number }
    | undefined;
}

export interface ReadFamily {
  readonly type: string;
  readonly help: string;
  readonly unit: string | undefined;
  readonly samples: readonly ReadSample[];
}

type Draft = { type?: string; help?: string; unit?: string; samples: ReadSample[] };

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
/** A number of either format, as Go and the grammar of OpenMetrics both read it. */
const NUMBER = /^(?:[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[+-]Inf|NaN)$/;

const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ["_total"],
  gauge: [""],
  histogram: ["_bucket", "_count", "_sum"],
};

/** The metric families of a text in the format of Prometheus, by name. @throws Error where the text is wrong. */
export function readPrometheus(text: string): ReadonlyMap<string, ReadFamily> {
  check(text.endsWith("\n"), "the last line ends with a line break");
  const families = readLines(text.slice(0, -1).split("\n"), (family) => {
    // In this format a counter's family has the name of its samples.
    if (family.endsWith("_total")) return ["counter"];
    return ["gauge", "histogram"];
  });
  for (const [name, family] of families)
    checkFamily(name, family, family.type === "counter" ? [""] : undefined);
  return families;
}

/** The same of a text in OpenMetrics. */
export function readOpenMetrics(text: string): ReadonlyMap<string, ReadFamily> {
  check(text.endsWith("\n# EOF\n"), "the text ends with # EOF");
  const families = readLines(text.slice(0, -"\n# EOF\n".length).split("\n"), () => [
    "counter",
    "gauge",
    "histogram",
  ]);
  for (const [name, family] of families) {
    check(!name.endsWith("_total"), `${name}: only samples end with _total`);
    check(family.unit === undefined || name.endsWith(`_${family.unit}`), `${name} ends with its unit`);
    checkFamily(name, family);
  }
  return families;
}

function readLines(
  lines: readonly string[],
  typesOf: (family: string) => readonly string[],
): Map<string, ReadFamily> {
  const drafts = new Map<string, Draft>();
  let current = "";
  for (const line of lines) {
    const head = /^# (HELP|TYPE|UNIT) (\S+) (.*)$/.exec(line);
    if (head !== null) {
      const [, what = "", name = "", rest = ""] = head;
      check(NAME.test(name), `a name: ${line}`);
      const isNew = !drafts.has(name);
      check(isNew || name === current, `the lines of a family stand together: ${line}`);
      current = name;
      const draft: Draft = drafts.get(name) ?? { samples: [] };
      drafts.set(name, draft);
      check(draft.samples.length === 0, `the head of a family comes before its samples: ${line}`);
      const key = what.toLowerCase() as "help" | "type" | "unit";
      check(draft[key] === undefined, `once in a family: ${line}`);
      if (what === "TYPE") check(typesOf(name).includes(rest), `a type: ${line}`);
      draft[key] = what === "HELP" ? unescaped(rest) : rest;
      continue;
    }
    check(!line.startsWith("#") && line.trim() === line && line !== "", `a line: ${line}`);
    const draft = drafts.get(current);
    check(draft !== undefined, `a sample has a family: ${line}`);
    draft.samples.push(readSample(line));
  }
  const whole = [...drafts].map(([name, { type, help, unit, samples }]) => {
    check(type !== undefined && help !== undefined, `${name} has a type and a text`);
    return [name, { type, help, unit, samples }] as const;
  });
  return new Map(whole);
}

function readSample(line: string): ReadSample {
  const name = /^[a-zA-Z_:][a-zA-Z0-9_:]*/.exec(line)?.[0] ?? "";
  check(name !== "", `a sample: ${line}`);
  const [labels, rest] = readLabels(line.slice(name.length), line);
  const [own = "", ofExemplar, ...more] = rest.split(" # ");
  check(more.length === 0 && own.startsWith(" "), `a value: ${line}`);
  const value = readNumber(own.slice(1), line);
  if (ofExemplar === undefined) return { name, labels, value, exemplar: undefined };
  check(name.endsWith("_bucket"), `an exemplar belongs to a bucket: ${line}`);
  const [exemplarLabels, numbers] = readLabels(ofExemplar, line);
  check(Object.entries(exemplarLabels).flat().join("").length <= 128, `128 characters at most: ${line}`);
  const [, number = "", time = ""] = /^ (\S+) (\S+)$/.exec(numbers) ?? [];
  check(NUMBER.test(time) && Number(time) > 1e9, `a time in seconds: ${line}`);
  return { name, labels, value, exemplar: { labels: exemplarLabels, value: readNumber(number, line) } };
}

/** The labels at the beginning of `text`, and what follows. */
function readLabels(text: string, line: string): readonly [Record<string, string>, string] {
  const labels: Record<string, string> = {};
  if (!text.startsWith("{")) return [labels, text];
  let at = 1;
  while (text[at] !== "}") {
    const [whole, name = "", value = ""] = /^([^=]*)="((?:[^"\\\n]|\\["\\n])*)"/.exec(text.slice(at)) ?? [];
    check(whole !== undefined && LABEL_NAME.test(name), `labels: ${line}`);
    check(!(name in labels), `a label comes once: ${line}`);
    labels[name] = unescaped(value);
    at += whole.length;
    if (text[at] === ",") at++;
    else check(text[at] === "}", `the end of labels: ${line}`);
  }
  return [labels, text.slice(at + 1)];
}

function unescaped(text: string): string {
  return text.replaceAll(/\\(.)/g, (_, char: string) => (char === "n" ? "\n" : char));
}

function readNumber(text: string, line: string): number {
  check(NUMBER.test(text), `a number: ${line}`);
  return Number(text.replace("Inf", "Infinity"));
}

function checkFamily(name: string, { type, samples }: ReadFamily, suffixes = SUFFIXES[type] ?? []): void {
  const seen = new Set<string>();
  for (const sample of samples) {
    const isOwn = sample.name.startsWith(name) && suffixes.includes(sample.name.slice(name.length));
    check(isOwn, `${sample.name} belongs to the family ${name}`);
    const id = JSON.stringify([sample.name, Object.entries(sample.labels)]);
    check(!seen.has(id), `${id} comes once`);
    seen.add(id);
    if (type === "counter") check(sample.value >= 0, `${id} is not negative`);
  }
  if (type === "histogram") checkHistogram(name, samples);
}

/** Buckets are cumulative, in ascending order and together; the last one is that of infinity and equals the count. */
function checkHistogram(name: string, samples: readonly ReadSample[]): void {
  const groups = new Map<string, ReadSample[]>();
  for (const sample of samples) {
    const { le: _, ...own } = sample.labels;
    const key = JSON.stringify(own);
    groups.set(key, [...(groups.get(key) ?? []), sample]);
  }
  for (const [key, group] of groups) {
    const buckets = group.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) => readNumber(labels["le"] ?? "", name));
    check(
      bounds.every((bound, i) => i === 0 || bound > (bounds[i - 1] ?? bound)),
      `${name}${key}: bounds ascend`,
    );
    check(bounds.at(-1) === Number.POSITIVE_INFINITY, `${name}${key}: infinity is the last bound`);
    const counts = buckets.map(({ value }) => value);
    check(
      counts.every((count, i) => i === 0 || count >= (counts[i - 1] ?? 0)),
      `${name}${key}: cumulative`,
    );
    const [count] = group.filter((sample) => sample.name === `${name}_count`);
    check(count?.value === counts.at(-1), `${name}${key}: the count is that of the last bucket`);
    check(group.length === buckets.length + 2, `${name}${key}: buckets, a sum and a count`);
    for (const [i, { exemplar }] of buckets.entries()) {
      if (exemplar === undefined) continue;
      const isWithin = exemplar.value <= (bounds[i] ?? 0) && exemplar.value > (bounds[i - 1] ?? -Infinity);
      check(isWithin, `${name}${key}: an exemplar is in its bucket`);
    }
  }
}

function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`not so: ${what}`);
}
