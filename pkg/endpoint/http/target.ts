// SPDX-License-Identifier: Apache-2.0

/** The target of a request, still percent-encoded. */
export interface Target {
  readonly path: string;
  /** What stands after the question mark; empty if nothing does. */
  readonly query: string;
}

/** Divides a target. Clients of proxies send the whole URL (RFC 9112, 3.2.2), whose origin is left out. */
export function readTarget(target: string): Target {
  const origin = originForm(target);
  const mark = origin.indexOf("?");
  return mark === -1
    ? { path: origin, query: "" }
    : { path: origin.slice(0, mark), query: origin.slice(mark + 1) };
}

function originForm(target: string): string {
  if (target.startsWith("/")) return target;
  const rest = /^https?:\/\/[^/?#]*(.*)$/i.exec(target)?.[1];
  if (rest === undefined) return target;
  return rest.startsWith("/") ? rest : `/${rest}`;
}
