export default {
  files: ["{pkg,cmd,hack,test,samples}/**/*.test.ts"],
  extensions: ["ts"],
  timeout: "2m",
};
