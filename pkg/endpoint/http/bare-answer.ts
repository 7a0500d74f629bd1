// SPDX-License-Identifier: Apache-2.0

import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";

import type { HttpResponse } from "./exchange.ts";
import { headerList } from "./exchange.ts";

/** Writes an answer of HTTP/1.1 to a connection that Node's server no longer manages, and closes it. */
export function writeBareAnswer(socket: Duplex, answer: HttpResponse): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const { status, body } = answer;
  const headers = headerList(answer, Buffer.byteLength(body));
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Error"}`];
  for (let i = 0; i + 1 < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`);
  lines.push("connection: close", "", "");
  socket.write(lines.join("\r\n"));
  socket.end(body, () => socket.destroy());
}
