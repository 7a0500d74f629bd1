// SPDX-License-Identifier: Apache-2.0

/**
 * Writes the tables of HTTP rules in `docs/endpoint.md`: `node hack/http-rules.ts`. `hack/http-rules.test.ts` sends
 * the requests of the tables to a real public port.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { DescMethod } from "@bufbuild/protobuf";
import { getOption, hasOption } from "@bufbuild/protobuf";

import type { HttpRule } from "../pkg/protocol/mod.ts";
import { http } from "../pkg/protocol/mod.ts";

import { compileRules, methodsOf } from "./http-rules/compile.ts";
import type { Exchange, Form } from "./http-rules/rows.ts";
import { FORMS, REASONS } from "./http-rules/rows.ts";

const ROOT = join(import.meta.dirname, "..");
export const ENDPOINT_PAGE = join(ROOT, "docs", "endpoint.md");
const PROTO = join(import.meta.dirname, "http-rules", "rules.proto");

const BEGIN = "<!-- Written by `node hack/http-rules.ts`. -->";
const END = "<!-- The end of what it writes. -->";

/**
 * Returns the page with its tables replaced by the current ones.
 *
 * @throws Error if the page lacks the two comments between which the tables go.
 */
export function withRules(page: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin === -1 || end < begin) throw new Error(`the page has no ${BEGIN} with ${END} behind it`);
  return `${page.slice(0, begin)}${BEGIN}\n\n${tables()}\n${page.slice(end)}`;
}

function tables(): string {
  const methods = new Map(methodsOf(compileRules("Rules")).map((method) => [method.name, method]));
  const served = Object.entries(FORMS).map(([about, forms]) => {
    const rows = forms.flatMap((form) => formRows(form, methods.get(form.method)));
    return `#### ${about}\n\n| form | rule | request | what happens |\n|---|---|---|---|\n${rows.join("\n")}\n`;
  });
  const refused = methodsOf(compileRules("Refused")).map(
    (method) => `| ${code(ruleText(method))} | ${code(REASONS[method.name] ?? "")} |`,
  );
  const messages = readFileSync(PROTO, "utf8");
  return [
    `The messages of the examples:\n\n\`\`\`proto\n${messages.slice(messages.indexOf("message Book {")).trim()}\n\`\`\`\n`,
    ...served,
    `#### Rules that are refused\n\n| rule | the reason that is given |\n|---|---|\n${refused.join("\n")}\n`,
  ].join("\n");
}

/** The form and its rule stand in the first row only. */
function formRows(form: Form, method: DescMethod | undefined): string[] {
  if (method === undefined) throw new Error(`rules.proto has no method ${form.method}`);
  const rule = hasOption(method, http) ? code(ruleText(method)) : "none";
  return form.exchanges.map((exchange, index) => {
    const head = index === 0 ? `${form.title} | ${rule}` : " | ";
    return `| ${head} | ${requestText(exchange)} | ${outcomeText(exchange)} |`;
  });
}

function requestText({ line, body, contentType }: Exchange): string {
  const type = contentType === undefined ? "" : `${code(contentType)}: `;
  return body === undefined ? code(line) : `${code(line)} ${type}${code(body)}`;
}

function outcomeText({ outcome }: Exchange): string {
  switch (outcome.kind) {
    case "served":
      return code(JSON.stringify(outcome.message));
    case "answered": {
      const type = outcome.contentType === "application/json" ? "" : `${code(outcome.contentType)}: `;
      return `of ${code(JSON.stringify(outcome.reply))}: ${type}${code(outcome.body)}`;
    }
    case "refused": {
      const allow = outcome.allow === undefined ? "" : `, ${code(`allow: ${outcome.allow}`)}`;
      return `${outcome.status} ${code(outcome.code)}${allow}`;
    }
    case "options":
      return `200, ${code(`allow: ${outcome.allow}`)}`;
  }
}

/** As it stands in a `.proto` file, in one line. */
function ruleText(method: DescMethod): string {
  return printRule(getOption(method, http)).join(" ");
}

function printRule(rule: HttpRule): string[] {
  const { pattern } = rule;
  const text = (name: string, value: string): string[] => (value === "" ? [] : [`${name}: "${value}"`]);
  const parts = text("selector", rule.selector);
  if (pattern.case === "custom")
    parts.push(`custom { kind: "${pattern.value.kind}" path: "${pattern.value.path}" }`);
  else if (pattern.case !== undefined) parts.push(`${pattern.case}: "${pattern.value}"`);
  parts.push(...text("body", rule.body), ...text("response_body", rule.responseBody));
  for (const more of rule.additionalBindings)
    parts.push(`additional_bindings { ${printRule(more).join(" ")} }`);
  return parts;
}

function code(text: string): string {
  return `\`${cell(text)}\``;
}

/** A pipe would end the cell. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

if (import.meta.main) writeFileSync(ENDPOINT_PAGE, withRules(readFileSync(ENDPOINT_PAGE, "utf8")));
