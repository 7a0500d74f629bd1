// SPDX-License-Identifier: Apache-2.0

/** Writes `docs/metrics.md` from the declarations of the metrics: `node hack/metrics.ts`. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { PROXY_METRIC_GROUPS } from "../pkg/proxy/mod.ts";
import type { Metric, MetricGroup } from "../pkg/telemetry/mod.ts";
import { sampleName } from "../pkg/telemetry/mod.ts";

export const METRICS_PAGE = join(import.meta.dirname, "..", "docs", "metrics.md");

export function metricsPage(): string {
  return `# Metrics of the proxy

A metric is a number that the proxy keeps, such as how many commands have failed since its start. The proxy tells its metrics at
\`/metrics\` of the [admin port](admin.md), as a text. It is made for Prometheus, a program that reads such texts from many programs every
few seconds, keeps the numbers, and answers questions about them. You can read it, too:

\`\`\`sh
curl localhost:9010/metrics
curl -H 'Accept: application/openmetrics-text' localhost:9010/metrics
\`\`\`

The first is the text format of Prometheus (0.0.4). The second is OpenMetrics 1.0, which Prometheus asks for; it has examples of traces
besides (*exemplars*): behind the number of requests or commands that took so long stands the [trace](traces.md) of the last one of them, if
it was kept.

## How to read them

\`\`\`
perdure_commands_failed_total{kind="value",type="cart"} 3
perdure_entities_in_memory 120
perdure_command_seconds_bucket{kind="value",type="cart",le="0.01"} 40
perdure_command_seconds_bucket{kind="value",type="cart",le="0.02"} 52
perdure_command_seconds_count{kind="value",type="cart"} 52
perdure_command_seconds_sum{kind="value",type="cart"} 0.37
\`\`\`

Each line is a *series*: a name, *labels*, which say what the number is about, and the number. There are three kinds of metrics:

- A *counter* only goes up, until the proxy ends; its name ends with \`_total\`. How fast it goes up tells more than its value:
  \`rate(perdure_commands_failed_total[5m])\` is how many commands failed in a second, as the mean of five minutes.
- A *gauge* is how much there is now.
- A *histogram* has several lines: how many values there were (\`_count\`), what they add up to (\`_sum\`), and for some bounds (\`le\`) how
  many were not larger (\`_bucket\`). Above, 40 of 52 commands took 0.01 seconds or less, and all of them 0.02 seconds or less. Prometheus
  estimates percentiles from that: \`histogram_quantile(0.99, sum by (le) (rate(perdure_command_seconds_bucket[5m])))\` is the time within
  which 99 of 100 commands ended.

Durations are in seconds. Such questions are written in PromQL, the language of Prometheus, where \`[5m]\` means the last five minutes.

## Who may read them

By default only programs on the loopback interface may, which is \`localhost\` (\`kubectl port-forward POD 9010\` makes that of a pod
yours), because the names of entity types and the load are nobody else's business. For Prometheus in the cluster set \`--metrics pod\`
(\`PERDURE_METRICS=pod\`; on Knative the annotation \`perdure.dev/metrics: pod\` of a service, or \`metrics: pod\` in \`config-perdure\` for
all): then whoever reaches the port may read them, but no web page. Prometheus has to call the address of the pod, as it does when it finds
pods by itself (\`kubernetes_sd_configs\` with \`role: pod\`, or a \`PodMonitor\`), because a request by a name is refused
(\`ADMIN_HOST_NOT_ALLOWED\`, [errors](errors.md#the-admin-port)). [Security](security.md#the-admin-port) has the reasons. [See what it
does](observability.md) has dashboards and alerts.

## What they cost

Counting is part of a command, and takes less than a hundredth of its time. It takes no memory that grows: a metric has at most 200
series, and a further set of labels is counted under the label \`other\`. A series takes some 500 bytes, and up to 3 KiB once traced commands
give it examples. This is so whether anybody reads the metrics or not. A caller from outside gets a text that may be a second old, so many
readers cost no more than one. \`--metrics off\` counts nothing.

## Sent by the proxy itself

Where Prometheus cannot reach the admin port, the proxy can send its metrics instead, to a receiver of OpenTelemetry's protocol (OTLP, over
gRPC). The usual receiver is an OpenTelemetry Collector, which shows them to Prometheus:

\`\`\`sh
OTEL_METRICS_EXPORTER=otlp OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://collector:4317 perdure-proxy
\`\`\`

(\`OTEL_EXPORTER_OTLP_ENDPOINT\` is for both, and turns [traces](traces.md) on as well.)

On Knative it is \`otel-metrics-exporter: otlp\` in \`config-perdure\`, or the annotation \`perdure.dev/otel-metrics-exporter\` of a
service; the endpoint is that of the [traces](traces.md#on-kubernetes). To send metrics and no traces, set \`otel-traces-sampler:
always_off\` besides.

It sends all of them every \`OTEL_METRIC_EXPORT_INTERVAL\` milliseconds, and once more at its end. They have the same names and labels,
without \`_total\`, and their counters only go up (\`cumulative\`); the pod is in the attributes of the resource, as in
[traces](traces.md#the-spans). They have no examples of traces. Nothing waits for a receiver that is not there: what it missed is in the
next message, because counters are never reset, and at most one log line a minute tells it. The packages that send are loaded a second after
the proxy listens, and take some 10 MiB (an idle bundled proxy has 70 MiB resident without them); without \`OTEL_METRICS_EXPORTER=otlp\`
nothing of them is loaded. [Configuration](configuration.md#metrics-that-are-sent) lists the variables.

## Labels

No label has an id of an entity, or anything else that callers choose. \`type\` is the entity type (Cloudstate's persistence id), or
the service's full name for an action; \`kind\` is \`event-sourced\`, \`value\` or \`action\`.

Cloudstate's 22 metrics of event sourced entities are among them, for all kinds: what it calls stashed is \`queued\` here, persisted is \`stored\`,
recovery is \`entity_activation\`, and persist time is \`command_append\`.

A metric appears when it is first used, so a proxy that has carried out no command shows fewer.

${PROXY_METRIC_GROUPS.map(section).join("\n")}
This page is written by \`node hack/metrics.ts\` from the \`metrics.ts\` of each layer, which \`pkg/proxy/metrics.ts\` puts together.
`;
}

function section({ title, metrics }: MetricGroup): string {
  const head = ["| metric | kind | unit | labels | what it is |", "|---|---|---|---|---|"];
  return `## ${title}\n\n${[...head, ...Object.values(metrics).map(row)].join("\n")}\n`;
}

function row(metric: Metric): string {
  const { kind, unit = "", labels, help } = metric;
  const named = labels.map((label) => `\`${label}\``).join(", ");
  return `| \`${sampleName(metric)}\` | ${kind} | ${unit} | ${named} | ${help} |`;
}

if (import.meta.main) writeFileSync(METRICS_PAGE, metricsPage());
