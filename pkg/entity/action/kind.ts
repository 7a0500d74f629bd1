// SPDX-License-Identifier: Apache-2.0

import { ActionProtocol } from "../../protocol/mod.ts";
import type { ServiceKind } from "../../userfunction/mod.ts";
import { statelessService } from "../../userfunction/mod.ts";

/** Functions without state. */
export const ACTION: ServiceKind = {
  name: "action",
  protocol: ActionProtocol.typeName,
  check: (announced) => ({ service: statelessService("action", announced), unserved: [] }),
};
