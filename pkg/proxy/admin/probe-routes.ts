// SPDX-License-Identifier: Apache-2.0

import type { AdminAnswer, AdminRequest, AdminRoute } from "./routes.ts";

/** One condition of readiness, for `/readyz?verbose`. */
export interface Check {
  readonly name: string;
  /** Undefined if it holds, else why not. */
  readonly problem: string | undefined;
  /** What to say of it while it holds, if anything. */
  readonly note?: string;
}

const READ = ["GET", "HEAD"];

/**
 * `/livez` (the process answers; depends on nothing else) and `/readyz` (every check holds). Both answer every
 * caller, because the kubelet calls them from the address of its node. Callers from outside see only the names of
 * failed checks. A local program also sees why a check failed, which may name addresses and files, and with
 * `?verbose` all checks.
 */
export function probeRoutes(checks: () => readonly Check[]): readonly AdminRoute[] {
  return [
    { path: "/livez", methods: READ, reach: "anyone", handle: () => ({ status: 200, text: "ok" }) },
    {
      path: "/readyz",
      methods: READ,
      reach: "anyone",
      handle: (request) => readiness(checks(), request),
    },
  ];
}

function readiness(results: readonly Check[], { query, isLocal }: AdminRequest): AdminAnswer {
  const failed = results.filter((check) => check.problem !== undefined);
  const shown = isLocal && query.has("verbose") ? results : failed;
  const lines = shown.map(({ name, problem, note }) => {
    if (problem === undefined) return note === undefined ? `[+] ${name}` : `[+] ${name}: ${note}`;
    return isLocal ? `[-] ${name}: ${problem}` : `[-] ${name}`;
  });
  const ready = failed.length === 0;
  return { status: ready ? 200 : 503, text: [...lines, ready ? "ok" : "not ready"].join("\n") };
}
