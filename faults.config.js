// Of `npm run faults`; AVA wants its configuration beside package.json. Two at a time: each starts a handful of processes.

/** What `npm test` leaves out. */
export const LONG_TESTS = [
  "test/{faults/{cluster,crash,effects,jetstream,mutants,paused-owner,proof,rivals,rolling},lib/linearizability/checker}.test.ts",
  "test/attack/runs.test.ts",
  "hack/bench/runs.test.ts",
];

/** What `npm test` runs in its short form (`test/lib/by-size.ts`). */
const SHORTENED = [
  "test/e2e/large-stream.test.ts",
  "pkg/endpoint/exact-account.test.ts",
  "pkg/endpoint/json/hostile.test.ts",
  "pkg/endpoint/json/count-reply.test.ts",
  "pkg/endpoint/round-trip.test.ts",
];

const [FAULTS] = LONG_TESTS;

export default {
  // `--short` goes without the runs of attacks and benchmarks, which are no faults.
  files: process.env.PERDURE_TEST_SIZE === "full" ? [...LONG_TESTS, ...SHORTENED] : [FAULTS],
  extensions: ["ts"],
  concurrency: 2,
  timeout: "5m",
};
