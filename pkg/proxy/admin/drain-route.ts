// SPDX-License-Identifier: Apache-2.0

import type { AdminRoute } from "./routes.ts";

/**
 * `/drain` prepares the proxy for its end. If there is a secret, every caller that sends it may use GET or POST,
 * because hooks of Kubernetes send only GET, and from the address of the node. Without a secret only a local program
 * may call it, and only by POST, because a browser marks each POST that a web page causes.
 *
 * @param drain prepares the proxy for its end; resolves with the result as a text for people.
 */
export function drainRoute(hasSecret: boolean, drain: () => Promise<string>): AdminRoute {
  return {
    path: "/drain",
    methods: hasSecret ? ["GET", "POST"] : ["POST"],
    reach: hasSecret ? "secret" : "loopback",
    handle: async () => ({ status: 200, text: await drain() }),
  };
}
