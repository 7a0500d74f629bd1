export default {
  files: [
    "{pkg,cmd,hack,test,samples}/**/*.test.ts",
    "!test/e2e/packages/*.test.ts",
    "!test/e2e/cluster/*.test.ts",
    "!test/e2e/cluster/empty/*.test.ts",
  ],
  extensions: ["ts"],
  timeout: "2m",
};
