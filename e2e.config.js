// Of `npm run e2e`; AVA wants its configuration beside package.json. The tests share one cluster, or the processors, so
// they run one after another.
export default {
  files: ["test/e2e/{packages,traces,cluster,cluster/empty}/*.test.ts"],
  extensions: ["ts"],
  concurrency: 1,
  timeout: "10m",
};
