// SPDX-License-Identifier: Apache-2.0

import { checkAdmitted, findMethod, noCallHeader, requestEncoding } from "../call-setup.ts";
import type { ServerContext } from "../server-context.ts";
import type { WebForm } from "./web-call.ts";
import { WebCall } from "./web-call.ts";
import type { WebExchange } from "./web-exchange.ts";

const WEB_TYPE = /^application\/grpc-web(-text)?(?:$|[+;])/i;

/** `application/grpc-web` and `application/grpc-web-text`, also with a message format. */
export function isGrpcWebContentType(contentType: string | undefined): boolean {
  return contentType !== undefined && WEB_TYPE.test(contentType);
}

/** Answers calls of gRPC-Web. The promise resolves when the exchange is over, and never rejects. */
export function createGrpcWebHandler(context: ServerContext): (exchange: WebExchange) => Promise<void> {
  return (exchange) =>
    new Promise((resolve) => {
      exchange.onClose(resolve);
      if (exchange.method === "POST") serve(context, exchange);
      else refuse(exchange);
    });
}

function serve(context: ServerContext, exchange: WebExchange): void {
  const { headers } = exchange;
  const call = new WebCall(context, exchange, formOf(headers["content-type"], headers.accept));
  try {
    checkAdmitted(exchange.request);
    const method = findMethod(context, call.path);
    const encoding = requestEncoding(headers);
    call.startDeadline();
    call.start(method, encoding);
  } catch (error) {
    call.failWith(error);
  }
}

/** A caller whose `accept` names no type of gRPC-Web gets the form that it sends. */
function formOf(contentType: string | undefined, accept: string | undefined): WebForm {
  const isText = (type: string | undefined): boolean => WEB_TYPE.exec(type ?? "")?.[1] !== undefined;
  const textIn = isText(contentType);
  return { textIn, textOut: isGrpcWebContentType(accept) ? isText(accept) : textIn };
}

/** Sends a plain HTTP answer to a request that is not a call. */
function refuse(exchange: WebExchange): void {
  exchange.begin(405, ["allow", "POST", "content-length", "0", ...noCallHeader("METHOD_NOT_ALLOWED")])?.end();
  exchange.discardBody();
}
