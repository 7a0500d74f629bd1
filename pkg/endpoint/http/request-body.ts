// SPDX-License-Identifier: Apache-2.0

import type { Charge } from "../../base/mod.ts";
import { decompress, GrpcError } from "../../grpc/mod.ts";

import type { HttpRequest } from "./exchange.ts";
import { HttpError, overloaded } from "./http-error.ts";
import type { BodyForm } from "./request-message.ts";
import { shown } from "./shown.ts";

type RequestHead = Pick<HttpRequest, "headers" | "contentType">;

/** Whether a body can be taken without checks and without unpacking, as almost all can. */
export function isPlainBody({ headers, contentType }: RequestHead, takes: BodyForm): boolean {
  if (takes === "none") return true;
  if (headers["content-encoding"] !== undefined) return false;
  return takes === "bytes" || contentType === "application/json";
}

/**
 * Reads a body whose headers say more than that it is JSON. A refusal comes before the body is read, unless only
 * reading shows whether there is a body.
 *
 * @param maxBytes of the body before and after it is unpacked; its bytes are taken from the request's charge.
 * @throws HttpError `UNSUPPORTED_CONTENT_TYPE`, `UNSUPPORTED_CONTENT_ENCODING`, and those of `readBody` and of
 * unpacking
 */
export async function readPackedBody(
  request: HttpRequest,
  takes: BodyForm,
  maxBytes: number,
): Promise<Buffer> {
  const { headers } = request;
  const refusal = takes === "json" ? refusalOfType(request.contentType) : undefined;
  if (refusal !== undefined && Number(headers["content-length"] ?? 0) > 0) throw refusal;
  const isPacked = isGzip(headers["content-encoding"]);
  const body = await request.readBody();
  if (body.length === 0) return body;
  if (refusal !== undefined) throw refusal;
  return isPacked ? unpack(body, maxBytes, request.request.bytes) : body;
}

const JSON_TYPE = /^application\/json\s*(?:;|$)/i;
const CHARSET = /;\s*charset\s*=\s*"?([^\s";]*)/gi;

/** Names of encodings of which every text is UTF-8 too. */
const UTF_8: ReadonlySet<string> = new Set(["ascii", "us-ascii", "utf-8", "utf8"]);

/** The refusal of all but JSON in UTF-8. A text of another `charset` would be read wrongly (RFC 8259, 11). */
function refusalOfType(contentType: string | undefined): HttpError | undefined {
  if (contentType === undefined) return unsupportedType("there is none");
  if (!JSON_TYPE.test(contentType)) return unsupportedType(`it is ${shown(contentType)}`);
  for (const [, charset = ""] of contentType.matchAll(CHARSET))
    if (!UTF_8.has(charset.toLowerCase()))
      return unsupportedType(`its charset is ${shown(charset)}, not UTF-8`);
  return undefined;
}

function unsupportedType(got: string): HttpError {
  return new HttpError("UNSUPPORTED_CONTENT_TYPE", `the content type must be application/json; ${got}`);
}

/** @throws HttpError `UNSUPPORTED_CONTENT_ENCODING` */
function isGzip(encoding = ""): boolean {
  const coding = encoding.trim().toLowerCase();
  if (coding === "" || coding === "identity") return false;
  // RFC 9110, 8.4.1.3
  if (coding === "gzip" || coding === "x-gzip") return true;
  const text = `a body may be packed as gzip, not as ${shown(encoding)}`;
  throw new HttpError("UNSUPPORTED_CONTENT_ENCODING", text, { headers: ["accept-encoding", "gzip"] });
}

async function unpack(packed: Buffer, maxBytes: number, charge: Charge): Promise<Buffer> {
  try {
    const body = await decompress(packed, "gzip", maxBytes, charge);
    charge.give(packed.length);
    return body;
  } catch (error) {
    throw unpackError(error, maxBytes);
  }
}

function unpackError(error: unknown, maxBytes: number): unknown {
  if (!(error instanceof GrpcError)) return error;
  const { code } = error;
  if (code === "RECEIVE_BUFFER_FULL") return overloaded();
  if (code !== "MESSAGE_TOO_LARGE")
    return new HttpError("MALFORMED_REQUEST", "the body is not gzip", { cause: error });
  const text = `the body is larger than ${maxBytes} bytes when it is unpacked`;
  return new HttpError("REQUEST_TOO_LARGE", text, { cause: error });
}
