// SPDX-License-Identifier: Apache-2.0

import * as fc from "fast-check";

import type { PathTemplate, TemplateSegment, TemplateVariable } from "../http/path-template.ts";

/** Few texts, so that templates collide with each other and with paths. */
const texts = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom("a", "b", "c") },
  { weight: 1, arbitrary: fc.constantFrom("ä b", "1/2", "*{}:") },
);

const segments: fc.Arbitrary<TemplateSegment> = fc.oneof(
  texts.map((text) => ({ kind: "literal" as const, text })),
  fc.constant({ kind: "one" as const }),
);

interface Piece {
  readonly segments: readonly TemplateSegment[];
  readonly isVariable: boolean;
}

const pieces: fc.Arbitrary<Piece> = fc.record({
  segments: fc.array(segments, { minLength: 1, maxLength: 2 }),
  isVariable: fc.boolean(),
});

/** Any template that can be written. */
export const pathTemplates: fc.Arbitrary<PathTemplate> = fc
  .record({
    pieces: fc.array(pieces, { minLength: 1, maxLength: 3 }),
    endsInRest: fc.boolean(),
    verb: fc.option(fc.constantFrom("go", "stop"), { nil: undefined }),
  })
  .map(({ pieces: drawn, endsInRest, verb }) => build(drawn, endsInRest, verb));

function build(drawn: readonly Piece[], endsInRest: boolean, verb: string | undefined): PathTemplate {
  const all: TemplateSegment[] = [];
  const variables: TemplateVariable[] = [];
  drawn.forEach((piece, index) => {
    const takesRest = endsInRest && index === drawn.length - 1;
    const start = all.length;
    all.push(...piece.segments);
    if (takesRest) all.push({ kind: "rest" });
    if (piece.isVariable)
      variables.push({ name: `v${index}`, start, end: takesRest ? undefined : all.length });
  });
  return { segments: all, variables, verb };
}
