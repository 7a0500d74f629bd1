import { LONG_TESTS } from "./faults.config.js";

/** Those that take longest begin first, so that none of them is left alone at the end. */
const FIRST = [
  "eventlog/contract",
  "jetstream",
  "cmd/perdure",
  "large-stream",
  "idempotency",
  "endless-effects",
  "hack/",
  "test/",
];

function rank(file) {
  const at = FIRST.findIndex((part) => file.includes(part));
  return at < 0 ? FIRST.length : at;
}

export default {
  files: [
    "{pkg,cmd,hack,test,samples}/**/*.test.ts",
    "!test/e2e/packages/*.test.ts",
    "!test/e2e/traces/*.test.ts",
    "!test/e2e/cluster/*.test.ts",
    "!test/e2e/cluster/empty/*.test.ts",
    ...LONG_TESTS.map((files) => `!${files}`),
  ],
  sortTestFiles: (a, b) => rank(a) - rank(b),
  extensions: ["ts"],
  // Half of them wait for a server or a time, so two for each of two cores.
  concurrency: 4,
  timeout: "5m",
};
