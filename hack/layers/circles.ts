// SPDX-License-Identifier: Apache-2.0

/** The files that each file imports. */
type Imports = ReadonlyMap<string, readonly string[]>;

/**
 * Finds circles of imports, each as the files on it, beginning with the first by name: `["a.ts", "b.ts"]` if `a.ts`
 * imports `b.ts`, which imports `a.ts`. Circles that share files are not all named, but there is none left when those
 * that are named have been opened at their last import.
 */
export function circlesOf(imports: Imports): string[][] {
  const left = new Map(Array.from(imports, ([file, targets]) => [file, new Set(targets)]));
  const circles: string[][] = [];
  for (;;) {
    trim(left);
    const [start] = left.keys();
    if (start === undefined) return circles;
    const circle = walk(left, start);
    left.get(circle.at(-1) ?? "")?.delete(circle[0] ?? "");
    circles.push(circle);
  }
}

/** Removes files that import no file that is left, until there is none: they are on no circle. */
function trim(left: Map<string, Set<string>>): void {
  let before: number;
  do {
    before = left.size;
    for (const [file, targets] of left) {
      for (const target of targets) if (!left.has(target)) targets.delete(target);
      if (targets.size === 0) left.delete(file);
    }
  } while (left.size < before);
}

/** Follows the first import of each file until a file comes again, which happens because each file has an import. */
function walk(left: ReadonlyMap<string, ReadonlySet<string>>, start: string): string[] {
  const path: string[] = [];
  let file = start;
  while (!path.includes(file)) {
    path.push(file);
    [file = start] = left.get(file) ?? [];
  }
  const circle = path.slice(path.indexOf(file));
  const first = circle.indexOf(circle.toSorted()[0] ?? "");
  return [...circle.slice(first), ...circle.slice(0, first)];
}
