// SPDX-License-Identifier: Apache-2.0

/** Folders without code of the function, ignored as dot folders are. Python writes into the last one while it runs. */
const FOLDERS: ReadonlySet<string> = new Set(["node_modules", "coverage", "__pycache__"]);

/** What editors and databases leave beside the code, and logs, which a function may write itself while it runs. */
const LEFTOVERS = /(?:~|\.sw[a-z]|\.tmp|\.log|\.pid|\.db|\.sqlite3?|-wal|-shm|-journal|-lock)$|^#.*#$|^4913$/;

/**
 * True if a change of the file or folder says nothing about the function's code: whatever lies in `node_modules`,
 * `coverage`, `__pycache__` or a dot folder (`.git`, `.perdure`), dot files except `.env`, and what editors and
 * databases leave behind.
 *
 * @param path relative to the watched folder.
 */
export function isIgnored(path: string): boolean {
  const names = path.split(/[/\\]/).filter((name) => name !== "" && name !== ".");
  const last = names.at(-1) ?? "";
  return names.some((name) => FOLDERS.has(name) || isHidden(name)) || LEFTOVERS.test(last);
}

function isHidden(name: string): boolean {
  return name.startsWith(".") && name !== ".." && !/^\.env(?:\..+)?$/.test(name);
}
