import { LONG_TESTS } from "./faults.config.js";

/** Those that take longest begin first, so that none of them is left alone at the end. */
const FIRST = [
  "large-stream",
  "build-sdk",
  "generate",
  "idempotency",
  "endless-effects",
  "jetstream",
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
    "!test/e2e/cluster/*.test.ts",
    "!test/e2e/cluster/empty/*.test.ts",
    ...LONG_TESTS.map((files) => `!${files}`),
  ],
  sortTestFiles: (a, b) => rank(a) - rank(b),
  extensions: ["ts"],
  timeout: "5m",
};
