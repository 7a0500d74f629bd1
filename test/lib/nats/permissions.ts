// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { NatsServer } from "./server.ts";

/** One line of a table of permissions. */
export interface Permission {
  readonly verb: string;
  readonly subject: string;
  readonly purpose: string;
}

const PAGE = readFileSync(join(import.meta.dirname, "../../../docs/event-log.md"), "utf8");

/** The tables of docs/event-log.md: what a log needs, and what several proxies need besides. */
const HEADINGS = { log: "## Permissions", cluster: "### Permissions of several proxies" } as const;

/** Reads `| publish | `SUBJECT` | for |` of one of the tables. */
export function documentedPermissions(table: keyof typeof HEADINGS): readonly Permission[] {
  const [, section = ""] = PAGE.split(`\n${HEADINGS[table]}\n`);
  const [text = ""] = section.split(/\n##+ /);
  const rows = text.matchAll(/^\| (publish|subscribe) \| `([^`]+)` \| (.+) \|$/gm);
  return [...rows].map(([, verb = "", subject = "", purpose = ""]) => ({ verb, subject, purpose }));
}

/** What the words in a subject of these tables stand for. */
export interface PermissionWords {
  readonly prefix: string;
  /** Streams of events, and of snapshots. */
  readonly streams: number;
  readonly inbox: string;
}

/** The subjects that a line of the tables means. */
export function subjectsOf({ subject }: Permission, { prefix, streams, inbox }: PermissionWords): string[] {
  const numbers = Array.from({ length: streams }, (_, number) => number);
  const each = (kind: string, word: string, text: string): string[] =>
    text.includes(word) ? numbers.map((k) => text.replace(word, `${prefix}_${kind}_${k}`)) : [text];
  return each("ev", "EVENTS", subject)
    .flatMap((text) => each("sn", "SNAPSHOTS", text))
    .map((text) => text.replace("PREFIX", prefix).replace("INBOX", inbox));
}

/** The entry of a user with these permissions in the server's configuration. Its password is `p`. */
export function userWith(name: string, permissions: readonly Permission[], words: PermissionWords): string {
  const rule = (verb: string): string => {
    const allowed = permissions.filter((permission) => permission.verb === verb);
    const subjects = allowed
      .flatMap((permission) => subjectsOf(permission, words))
      .map((each) => JSON.stringify(each));
    // An empty list would allow everything.
    return subjects.length === 0
      ? `${verb}: { deny: [">"] }`
      : `${verb}: { allow: [${subjects.join(", ")}] }`;
  };
  const rules = `${rule("publish")}, ${rule("subscribe")}`;
  return `{ user: ${JSON.stringify(name)}, password: "p", permissions: { ${rules} } }`;
}

/** What the server has refused a user. */
export function violationsOf(server: NatsServer, user: string): string[] {
  return server.log.filter((line) => line.includes("Violation") && line.includes(`/user:${user}" `));
}
