// SPDX-License-Identifier: Apache-2.0

/** One exhaustive search of the model. */
export interface Run {
  readonly name: string;
  /** What is left out, for people. */
  readonly without: string;
  /** Definitions for the preprocessor. */
  readonly flags: readonly string[];
  /** Whether something must be found. */
  readonly expected: "nothing" | "violation";
}

/** The model as it is, and its mutants: each leaves out one thing, which must turn it red. */
export const RUNS: readonly Run[] = [
  { name: "model", without: "", flags: [], expected: "nothing" },
  mutant("fence", "the condition of an append", ["-DNO_FENCE"]),
  mutant("output-gate", "waiting for the append before the answer leaves", ["-DNO_OUTPUT_GATE"]),
  mutant("i8", "the lease in the reply gate", ["-DNO_I8"]),
  mutant("epoch", "the epoch in the reply gate", ["-DNO_EPOCH"]),
  // Nobody is evicted: a handoff alone makes it red.
  mutant("hold", "holding new commands and finishing open ones in a handoff", [
    "-DNO_HOLD",
    "-DMOST_EVICTIONS=0",
  ]),
  mutant("margin", "waiting longer than a lease, because clocks differ", ["-DWAIT=1"]),
];

function mutant(name: string, without: string, flags: readonly string[]): Run {
  return { name, without, flags, expected: "violation" };
}
