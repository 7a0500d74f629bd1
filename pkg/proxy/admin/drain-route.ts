// SPDX-License-Identifier: Apache-2.0

import type { AdminRoute } from "./routes.ts";

/**
 * `/drain` prepares for the end. Kubernetes' hooks can only send GET, and from the address of the node; so with a secret
 * both methods are answered to who has it, wherever it is. Without one only a local program may, and only by POST, which
 * browsers never send for a page without saying so.
 *
 * @param drain prepares for the end; gives what came of it, for people.
 */
export function drainRoute(hasSecret: boolean, drain: () => Promise<string>): AdminRoute {
  return {
    path: "/drain",
    methods: hasSecret ? ["GET", "POST"] : ["POST"],
    reach: hasSecret ? "secret" : "loopback",
    handle: async () => ({ status: 200, text: await drain() }),
  };
}
