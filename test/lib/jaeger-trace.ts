// SPDX-License-Identifier: Apache-2.0

/** A span as Jaeger's query API tells it. */
export interface StoredSpan {
  readonly name: string;
  /** `service.name` of the program that made it. */
  readonly service: string;
  /** Its name, and those of the spans above it as far as they are in the trace: `append < Cart.Add`. */
  readonly path: string;
  /** The id of the span above it, which may be one of a caller who sent no spans. Empty: it begins its trace. */
  readonly parentId: string;
  readonly attributes: Readonly<Record<string, string>>;
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface OtlpSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly attributes?: readonly Attribute[];
}

/** The answer to `GET /api/v3/traces/ID`: OTLP as JSON, ids in hexadecimal digits. */
interface Answer {
  readonly result: {
    readonly resourceSpans?: readonly {
      readonly resource: { readonly attributes?: readonly Attribute[] };
      readonly scopeSpans?: readonly { readonly spans?: readonly OtlpSpan[] }[];
    }[];
  };
}

/** The path of the query API that tells a trace. */
export function tracePath(traceId: string): string {
  return `/api/v3/traces/${traceId}`;
}

/** The spans in the answer. */
export function readTrace(json: string): readonly StoredSpan[] {
  const { resourceSpans = [] } = (JSON.parse(json) as Answer).result;
  const found = resourceSpans.flatMap(({ resource, scopeSpans = [] }) => {
    const service = texts(resource.attributes)["service.name"] ?? "";
    return scopeSpans.flatMap(({ spans = [] }) => spans.map((span) => ({ span, service })));
  });
  const byId = new Map(found.map(({ span }) => [span.spanId, span]));
  const pathOf = ({ name, parentSpanId = "" }: OtlpSpan): string => {
    const parent = byId.get(parentSpanId);
    return parent === undefined ? name : `${name} < ${pathOf(parent)}`;
  };
  return found.map(({ span, service }) => ({
    name: span.name,
    service,
    path: pathOf(span),
    parentId: span.parentSpanId ?? "",
    attributes: texts(span.attributes),
  }));
}

function texts(attributes: readonly Attribute[] = []): Record<string, string> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, String(Object.values(value)[0])]));
}
