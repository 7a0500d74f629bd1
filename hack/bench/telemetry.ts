// SPDX-License-Identifier: Apache-2.0

/** What a receiver of spans does with what it is sent. */
export type ReceiverKind =
  | "takes"
  /** Nobody listens at its port. */
  | "unreachable"
  /** It answers after eight seconds. */
  | "slow"
  /** It answers that it does not want spans from this sender. */
  | "refusing"
  /** It answers with bytes that mean nothing. */
  | "garbage";

/** How a proxy tells what it does (docs/performance.md). The names of receivers mean that every span is sent there. */
export type TelemetryName = "off" | "no-metrics" | "unsampled" | "sampled" | Exclude<ReceiverKind, "takes">;

export interface TelemetryChoice {
  readonly env: Readonly<Record<string, string>>;
  /** Where it sends spans; undefined: nowhere. */
  readonly receiver: ReceiverKind | undefined;
}

const sending = (receiver: ReceiverKind, sampler = "always_on"): TelemetryChoice => ({
  env: { OTEL_TRACES_SAMPLER: sampler },
  receiver,
});

const CHOICES: Readonly<Record<TelemetryName, TelemetryChoice>> = {
  off: { env: {}, receiver: undefined },
  "no-metrics": { env: { PERDURE_METRICS: "off" }, receiver: undefined },
  unsampled: sending("takes", "always_off"),
  sampled: sending("takes"),
  unreachable: sending("unreachable"),
  slow: sending("slow"),
  refusing: sending("refusing"),
  garbage: sending("garbage"),
};

export const TELEMETRY_NAMES = Object.keys(CHOICES) as readonly TelemetryName[];

export function telemetryOf(name: TelemetryName): TelemetryChoice {
  return CHOICES[name];
}

export function isTelemetryName(name: string): name is TelemetryName {
  return name in CHOICES;
}

/** How much slower than the first one the second one may be. Undefined: nobody has said. */
export function allowedCost(first: string, second: string): number | undefined {
  const wanted: Readonly<Record<string, number>> = { "off unsampled": 0.03, "off sampled": 0.15 };
  const isFault = !["off", "no-metrics", "unsampled", "sampled"].includes(second);
  return first === "sampled" && isFault ? 0.05 : wanted[`${first} ${second}`];
}
