// SPDX-License-Identifier: Apache-2.0

import type { TraceContext } from "../telemetry.ts";

/** Whether a span is kept. @param trace its trace. To read the id is to make a text. */
export type Sampler = (trace: Pick<TraceContext, "traceId">, parent: TraceContext | undefined) => boolean;

/** A sampler, and what is wrong with the words that asked for it; undefined: nothing. */
export interface ChosenSampler {
  readonly sampler: Sampler;
  readonly problem: string | undefined;
}

/** Hexadecimal digits at the end of a trace id that decide: 52 random bits, as many as a number holds exactly. */
const DECIDING_DIGITS = 13;

const alwaysOn: Sampler = () => true;
const alwaysOff: Sampler = () => false;

const PARENT_BASED = "parentbased_";
const DEFAULT_NAME = `${PARENT_BASED}always_on`;

/**
 * The sampler that `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG` name. As OpenTelemetry's specification asks for,
 * what it does not know is the default, with a warning.
 */
export function samplerOf(name: string, arg: string): ChosenSampler {
  const known = name.trim().toLowerCase() || DEFAULT_NAME;
  const isParentBased = known.startsWith(PARENT_BASED);
  const root = rootSampler(isParentBased ? known.slice(PARENT_BASED.length) : known, arg.trim());
  if (root === undefined)
    return { sampler: parentBased(alwaysOn), problem: `OTEL_TRACES_SAMPLER: ${name} is not known here` };
  return isParentBased ? { ...root, sampler: parentBased(root.sampler) } : root;
}

function rootSampler(name: string, arg: string): ChosenSampler | undefined {
  switch (name) {
    case "always_on":
      return { sampler: alwaysOn, problem: undefined };
    case "always_off":
      return { sampler: alwaysOff, problem: undefined };
    case "traceidratio":
      return ratioSampler(arg);
    default:
      return undefined;
  }
}

function ratioSampler(arg: string): ChosenSampler {
  const ratio = arg === "" ? 1 : Number(arg);
  if (ratio >= 0 && ratio <= 1) return { sampler: keepsPart(ratio), problem: undefined };
  return { sampler: alwaysOn, problem: `OTEL_TRACES_SAMPLER_ARG: ${arg} is not a number from 0 to 1` };
}

/** Keeps those traces whose ids are the highest, so that all programs that keep a part keep the same traces. */
function keepsPart(ratio: number): Sampler {
  const least = (1 - ratio) * 16 ** DECIDING_DIGITS;
  return ({ traceId }) => Number.parseInt(traceId.slice(-DECIDING_DIGITS), 16) >= least;
}

function parentBased(root: Sampler): Sampler {
  return (trace, parent) => (parent === undefined ? root(trace, parent) : parent.isSampled);
}
