// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { scanImports } from "./scan-imports.ts";

const found = (source: string) => scanImports(source).map(({ specifier }) => specifier);

const FOUND: readonly (readonly [source: string, specifiers: readonly (string | undefined)[]])[] = [
  ['import "./a.ts";', ["./a.ts"]],
  ["import a from './a.ts'", ["./a.ts"]],
  ['import type { A } from "./a.ts";\nimport b, * as c from "./b.ts";', ["./a.ts", "./b.ts"]],
  ['import {\n  // a remark; with "quotes"\n  a,\n  from,\n} from "./a.ts";', ["./a.ts"]],
  ['import json from "./a.json" with { type: "json" };', ["./a.json"]],
  [
    'export * from "./a.ts"; export { b as c } from "./b.ts"; export type { D } from "./d.ts";',
    ["./a.ts", "./b.ts", "./d.ts"],
  ],
  ['const a = await import("./a.ts");', ["./a.ts"]],
  ["const a = await import(`./a.ts`);", ["./a.ts"]],
  ['type A = import("./a.ts").A; type B = typeof import("./b.ts");', ["./a.ts", "./b.ts"]],
  ["import(name); import(`./${name}.ts`);", [undefined, undefined]],
  ['new Worker(new URL("./worker.ts", import.meta.url));', ["./worker.ts"]],
  ['const t = `${`${await import("./deep.ts")}`} }`; import("./after.ts");', ["./deep.ts", "./after.ts"]],
  ['const t = `a ${{ b: { c: 1 } }.b} d`; import "./after.ts";', ["./after.ts"]],
];

const NOT_FOUND: readonly string[] = [
  '// import "./a.ts";',
  '/* import "./a.ts"; */',
  "const text = 'import \"./a.ts\"';",
  'const text = `import "./a.ts"`;',
  'const pattern = /[/"]import "\\/a.ts"/;',
  "const url = import.meta.url;",
  'loader.import("./a.ts");',
  'const table = { import: "./a.ts", from: "./b.ts" };',
  'export const from = "./a.ts";',
  'export { a };\nconst from = "./a.ts";',
  'new URL("./a.ts", base);',
  'new URL("https://example.com");',
  "const half = a / 2; // import('./a.ts')\nconst third = b / 3;",
];

for (const [source, specifiers] of FOUND) {
  test(`finds what is imported by: ${source}`, (t) => t.deepEqual(found(source), specifiers));
}

for (const source of NOT_FOUND) {
  test(`finds no import in: ${source}`, (t) => t.deepEqual(found(source), []));
}

test("names the line and tells a file's URL from an import", (t) => {
  const source = '/*\n*/ const a = `\n`;\nimport "./a.ts";\nnew URL("./b.ts", import.meta.url);';
  t.deepEqual(scanImports(source), [
    { kind: "import", specifier: "./a.ts", line: 4 },
    { kind: "file", specifier: "./b.ts", line: 5 },
  ]);
});
