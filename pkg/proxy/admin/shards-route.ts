// SPDX-License-Identifier: Apache-2.0

import { SHARDS } from "../../base/mod.ts";

import type { AdminRoute } from "./routes.ts";
import type { TextAndJson } from "./text-or-json.ts";
import { textOrJson } from "./text-or-json.ts";

/** `/shards` says which proxy owns which shards, and which of them move, to local programs only. It names no entity. */
export function shardsRoute(shards: TextAndJson): AdminRoute {
  return {
    path: "/shards",
    methods: ["GET", "HEAD"],
    reach: "loopback",
    handle: (request) => textOrJson(request, shards),
  };
}

/** The shards of a proxy that is alone. @param reason why it is, for people */
export function aloneShards(reason: string): TextAndJson {
  return {
    text: () => `This proxy is alone, without a cluster, and owns all ${SHARDS} shards: ${reason}.`,
    json: () => ({ state: "alone", all: SHARDS, reason }),
  };
}
