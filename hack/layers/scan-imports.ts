// SPDX-License-Identifier: Apache-2.0

import type { Expression, Node } from "oxc-parser";
import { parseSync, Visitor } from "oxc-parser";

/** One place where a file names another, or a package. */
export interface ImportSite {
  /** What is imported; undefined if it is computed. */
  readonly specifier: string | undefined;
  /** `file` is `new URL("./x.ts", import.meta.url)`: how a worker or another program is named. */
  readonly kind: "import" | "file";
  readonly line: number;
}

/**
 * Finds what a TypeScript file imports: statically, by re-export, dynamically, in types, or as a file's URL.
 *
 * @param file its name, for the error.
 * @throws Error if the source cannot be parsed.
 */
export function scanImports(source: string, file = "source.ts"): ImportSite[] {
  const { program, errors } = parseSync(file, source, { sourceType: "module" });
  if (errors[0] !== undefined) throw new Error(errors[0].codeframe ?? errors[0].message);
  const sites: ImportSite[] = [];
  const add = (kind: ImportSite["kind"], { start }: Node, specifier: string | undefined): void => {
    sites.push({ kind, specifier, line: source.slice(0, start).split("\n").length });
  };
  new Visitor({
    ImportDeclaration: (node) => add("import", node, node.source.value),
    ExportAllDeclaration: (node) => add("import", node, node.source.value),
    ExportNamedDeclaration: (node) => {
      if (node.source !== null) add("import", node, node.source.value);
    },
    ImportExpression: (node) => add("import", node, textOf(node.source)),
    TSImportType: (node) => add("import", node, node.source.value),
    NewExpression: (node) => {
      const [file, base] = node.arguments.map(({ start, end }) => source.slice(start, end));
      const isFile = file !== undefined && base === "import.meta.url";
      if (isFile && source.slice(node.callee.start, node.callee.end) === "URL") {
        const specifier = textOf(node.arguments[0] as Expression);
        if (specifier !== undefined) add("file", node, specifier);
      }
    },
  }).visit(program);
  return sites;
}

/** The text of a string, or of a template without `${}`. */
function textOf(expression: Expression): string | undefined {
  if (expression.type === "TemplateLiteral")
    return expression.expressions.length === 0
      ? (expression.quasis[0]?.value.cooked ?? undefined)
      : undefined;
  return expression.type === "Literal" && typeof expression.value === "string" ? expression.value : undefined;
}
