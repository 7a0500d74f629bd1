// Of `npm run faults`; AVA wants its configuration beside package.json. Two at a time: each starts a handful of processes.

/** Of `npm run faults -- --short`: a minute of one proxy, and one of several. */
const SHORT_FAULTS =
  "test/{faults/{cluster,crash,effects,jetstream,proof,rivals},lib/linearizability/checker}.test.ts";

/** What `npm test` leaves out. */
export const LONG_TESTS = [
  SHORT_FAULTS,
  "test/faults/{mutants,paused-owner,rolling}.test.ts",
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

export default {
  // `--short` goes without what takes a quarter of an hour, and without the runs of attacks and benchmarks, which are
  // no faults.
  files: process.env.PERDURE_TEST_SIZE === "full" ? [...LONG_TESTS, ...SHORTENED] : [SHORT_FAULTS],
  extensions: ["ts"],
  concurrency: 2,
  timeout: "5m",
};
