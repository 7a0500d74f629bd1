// SPDX-License-Identifier: Apache-2.0

import { grpcError } from "../grpc-error.ts";
import type { StatusError } from "../status.ts";
import { Status } from "../status.ts";

const GROUP_CHARS = 4;
const GROUP_BYTES = 3;
const PADDING = 0x3d;

/**
 * Decodes base64 that comes in chunks. They may be cut anywhere, and any group of four characters may end with
 * padding, because callers of `application/grpc-web-text` encode in pieces (grpc/grpc `doc/PROTOCOL-WEB.md`).
 */
export class Base64Decoder {
  /** Characters of an incomplete group. */
  #rest: Buffer = NOTHING;

  /** Decodes the groups that are complete by now. @throws StatusError `BAD_FRAME` */
  push(chunk: Buffer): Buffer {
    const text = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const end = text.length - (text.length % GROUP_CHARS);
    // A copy, so that it does not keep the whole chunk in memory.
    this.#rest = end === text.length ? NOTHING : Buffer.from(text.subarray(end));
    const pieces: Buffer[] = [];
    for (let start = 0; start < end; ) {
      const padding = text.indexOf(PADDING, start);
      const pieceEnd = padding === -1 ? end : Math.min(end, padding - (padding % GROUP_CHARS) + GROUP_CHARS);
      pieces.push(decode(text.subarray(start, pieceEnd)));
      start = pieceEnd;
    }
    return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
  }

  /** @throws StatusError `BAD_FRAME` if a group is not whole. */
  end(): void {
    if (this.#rest.length > 0) throw badBase64();
  }
}

const NOTHING = Buffer.alloc(0);

/** Only the last group may be padded. Node skips characters that are not base64; the result's length shows it. */
function decode(text: Buffer): Buffer {
  const padded = text.at(-1) !== PADDING ? 0 : text.at(-2) !== PADDING ? 1 : 2;
  const bytes = Buffer.from(text.toString("latin1"), "base64");
  if (bytes.length !== (text.length / GROUP_CHARS) * GROUP_BYTES - padded) throw badBase64();
  return bytes;
}

function badBase64(): StatusError {
  return grpcError(Status.INTERNAL, "BAD_FRAME", "the body is not base64");
}
