// SPDX-License-Identifier: Apache-2.0

/** One element of a path between slashes. */
export type TemplateSegment =
  | { readonly kind: "literal"; readonly text: string }
  /** `*`: one element, not empty. */
  | { readonly kind: "one" }
  /** `**`: the rest of the path, one element or more, which may be empty. */
  | { readonly kind: "rest" };

/** A field that takes its value from the path: the elements from `start` up to, and without, `end`. */
export interface TemplateVariable {
  readonly name: string;
  readonly start: number;
  /** Undefined if the variable takes the rest of the path. */
  readonly end: number | undefined;
}

/** A path of `google.api.HttpRule`: `/carts/{user_id}/items:clear`. The path `/` has one element, which is empty. */
export interface PathTemplate {
  readonly segments: readonly TemplateSegment[];
  readonly variables: readonly TemplateVariable[];
  /** The text after the last colon, percent-decoded; undefined if there is none. */
  readonly verb: string | undefined;
}

/** Says what is wrong with the text of a template, and at which character. */
export class PathTemplateError extends Error {
  override readonly name = "PathTemplateError";
}

/**
 * Reads a template: `/` segments, then an optional `:verb`. A segment is a literal, `*`, `**` (the last one only),
 * `{field}` or `{field=segments}`. Beyond the grammar of `google/api/http.proto`, `/` alone is the root, as
 * grpc-gateway and Envoy have it.
 *
 * @throws PathTemplateError
 */
export function parsePathTemplate(text: string): PathTemplate {
  return new Parser(text).parse();
}

/** The text of a template. `parsePathTemplate` gives the same template back. */
export function printPathTemplate({ segments, variables, verb }: PathTemplate): string {
  const printed = segments.map(printSegment);
  // The last one first, so that the places of the others stay what they are.
  for (const { name, start, end = segments.length } of variables.toReversed()) {
    const inner = printed.slice(start, end).join("/");
    printed.splice(start, end - start, inner === "*" ? `{${name}}` : `{${name}=${inner}}`);
  }
  return `/${printed.join("/")}${verb === undefined ? "" : `:${printLiteral(verb)}`}`;
}

function printSegment(segment: TemplateSegment): string {
  if (segment.kind === "literal") return printLiteral(segment.text);
  return segment.kind === "one" ? "*" : "**";
}

function printLiteral(text: string): string {
  return encodeURIComponent(text).replaceAll("*", "%2A");
}

const LITERAL = /[^/{}*:=?#\s]+/y;
const FIELD_PATH = /[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*/y;

const ROOT: PathTemplate = { segments: [{ kind: "literal", text: "" }], variables: [], verb: undefined };

class Parser {
  readonly #text: string;
  #at = 0;
  readonly #segments: TemplateSegment[] = [];
  readonly #variables: TemplateVariable[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  parse(): PathTemplate {
    if (!this.#take("/")) throw this.#error("must start with /");
    if (this.#at === this.#text.length) return ROOT;
    do {
      if (this.#take("{")) this.#variable();
      else this.#plainSegment();
    } while (this.#take("/"));
    const verb = this.#take(":") ? this.#literal("a verb") : undefined;
    if (this.#at < this.#text.length) throw this.#error("unexpected character");
    if (this.#segments.slice(0, -1).some(({ kind }) => kind === "rest"))
      throw new PathTemplateError("** must be the last segment");
    return { segments: this.#segments, variables: this.#variables, verb };
  }

  #plainSegment(): void {
    if (this.#take("**")) this.#segments.push({ kind: "rest" });
    else if (this.#take("*")) this.#segments.push({ kind: "one" });
    else this.#segments.push({ kind: "literal", text: this.#literal("a literal, *, ** or {field}") });
  }

  #literal(what: string): string {
    const raw = this.#match(LITERAL, what);
    try {
      return decodeURIComponent(raw);
    } catch {
      throw this.#error(`${raw} is not valid percent-encoding`);
    }
  }

  #variable(): void {
    const start = this.#segments.length;
    const name = this.#match(FIELD_PATH, "a field name");
    if (this.#variables.some((other) => other.name === name)) {
      throw this.#error(`variable ${name} occurs twice`);
    }
    if (this.#take("=")) {
      do {
        if (this.#text[this.#at] === "{") throw this.#error("variables cannot be nested");
        this.#plainSegment();
      } while (this.#take("/"));
    } else {
      this.#segments.push({ kind: "one" });
    }
    if (!this.#take("}")) throw this.#error("expected }");
    const takesRest = this.#segments.at(-1)?.kind === "rest";
    this.#variables.push({ name, start, end: takesRest ? undefined : this.#segments.length });
  }

  #take(expected: string): boolean {
    if (!this.#text.startsWith(expected, this.#at)) return false;
    this.#at += expected.length;
    return true;
  }

  #match(pattern: RegExp, what: string): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) throw this.#error(`expected ${what}`);
    this.#at += found.length;
    return found;
  }

  #error(problem: string): PathTemplateError {
    return new PathTemplateError(`${problem}, at character ${this.#at + 1}`);
  }
}
