// SPDX-License-Identifier: Apache-2.0

import type { ServerHttp2Stream } from "node:http2";
import { constants } from "node:http2";

import type { Caller } from "./caller.ts";
import { OpenRequest } from "./caller.ts";

/** A request in the reserve, and what it came by. */
interface Reserved {
  readonly request: OpenRequest;
  readonly stream: ServerHttp2Stream;
}

/**
 * The open requests that have their places in the reserve (`CallerAccounts.reserve`).
 *
 * A caller that has none there always gets one (I11): if no place is free, the oldest request ends. So nobody keeps
 * health checks out by requests that are never sent whole, or whose answers are not read. One that is sent at once
 * ends long before it is the oldest.
 */
export class Reserve {
  /** Oldest first. */
  readonly #open = new Set<Reserved>();

  /** Opens a request, which may be refused. @param head as `OpenRequest` takes it. */
  open(caller: Caller, head: number, stream: ServerHttp2Stream): OpenRequest {
    let request = new OpenRequest(caller, head, true);
    if (request.refusal !== undefined && caller.reserve.used === 0) {
      this.#endOldest();
      request = new OpenRequest(caller, head, true);
    }
    if (request.refusal !== undefined) return request;
    const reserved = { request, stream };
    this.#open.add(reserved);
    stream.once("close", () => this.#open.delete(reserved));
    return request;
  }

  #endOldest(): void {
    const [oldest] = this.#open;
    if (oldest === undefined) return;
    this.#open.delete(oldest);
    // The stream closes later, and the place is needed now.
    oldest.request.close();
    oldest.stream.close(constants.NGHTTP2_REFUSED_STREAM);
  }
}
