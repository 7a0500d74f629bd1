// SPDX-License-Identifier: Apache-2.0

/** The bytes of an HTTP/1.1 client. */

export function getBytes(path: string, headers: Readonly<Record<string, string>> = {}): Buffer {
  return Buffer.from(`GET ${path} HTTP/1.1\r\nhost: attack\r\n${lines(headers)}\r\n`);
}

/** The head of a request with a body of this length, all of which may follow, or not. */
export function postHead(
  path: string,
  length: number,
  headers: Readonly<Record<string, string>> = {},
): Buffer {
  const all = { "content-type": "application/json", ...headers, "content-length": String(length) };
  return Buffer.from(`POST ${path} HTTP/1.1\r\nhost: attack\r\n${lines(all)}\r\n`);
}

function lines(headers: Readonly<Record<string, string>>): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
}
