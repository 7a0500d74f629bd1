// SPDX-License-Identifier: Apache-2.0

/** Why the head of an HTTP/1.1 request is refused: a proxy and this server may disagree about its meaning. */
export interface HeadProblem {
  readonly kind: "malformed" | "unknown transfer coding";
  readonly text: string;
}

/** The part of Node's `IncomingMessage` that is checked. */
interface RequestHead {
  readonly httpVersion: string;
  readonly url?: string | undefined;
  /** A flat list of names and values, in the order in which they came. */
  readonly rawHeaders: readonly string[];
}

/** Makes Node show all fields of a head. By default it shows 1,000 of them, and obeys the others unseen. */
export function showAllFields(server: { maxHeadersCount: number | null }): void {
  server.maxHeadersCount = 0;
}

/** A name, an IPv4 address or an IPv6 address in brackets, perhaps with a port (RFC 9112, 3.2; RFC 3986, 3.2.2). */
const HOST = /^(?:\[[\w:.%~-]+\]|[\w.~%!$&'()*+;=-]*)(?::\d*)?$/;

/**
 * Checks a request head that Node's parser has accepted; undefined if it is sound. Node keeps the first of several
 * `Host` headers, and reads a body of `Transfer-Encoding: gzip, chunked` as if it were not compressed. The caller
 * must close the connection of a refused request, because a proxy in front may take the following bytes for a part of
 * that request.
 */
export function headProblem({ httpVersion, url, rawHeaders }: RequestHead): HeadProblem | undefined {
  if (url?.includes("#") === true) return malformed(FRAGMENT);
  let hosts = 0;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    if (name.length === HOST_LENGTH && name.toLowerCase() === "host") {
      if (++hosts > 1)
        return malformed("a request has one Host header (RFC 9112, 3.2), and this one has several");
      if (!HOST.test(rawHeaders[i + 1] ?? ""))
        return malformed("the Host header is neither a name nor an address");
    } else if (name.length === CODING_LENGTH && name.toLowerCase() === "transfer-encoding") {
      const problem = codingProblem(httpVersion, rawHeaders[i + 1] ?? "");
      if (problem !== undefined) return problem;
    }
  }
  if (hosts === 0 && httpVersion === "1.1")
    return malformed("a request of HTTP/1.1 has a Host header (RFC 9112, 3.2)");
  return undefined;
}

/**
 * Why a target with a `#` is refused: Node reads it as part of the path, but a proxy in front may cut the path there
 * and so address another entity.
 */
export const FRAGMENT = "a request target has no # (RFC 9112, 3.2): as a part of a name it is written %23";

const HOST_LENGTH = "host".length;
const CODING_LENGTH = "transfer-encoding".length;

/**
 * Checks a transfer coding (RFC 9112, 6.1). Node itself refuses a body that is chunked twice, or that also has a
 * length.
 */
function codingProblem(httpVersion: string, coding: string): HeadProblem | undefined {
  if (coding.toLowerCase() !== "chunked")
    return {
      kind: "unknown transfer coding",
      text: "the only transfer coding that is understood here is chunked",
    };
  if (httpVersion === "1.0") return malformed("HTTP/1.0 has no transfer codings");
  return undefined;
}

function malformed(text: string): HeadProblem {
  return { kind: "malformed", text };
}
