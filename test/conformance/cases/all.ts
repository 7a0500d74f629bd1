// SPDX-License-Identifier: Apache-2.0

import type { Group } from "../suite/case.ts";
import { actionModelGroup } from "./action-model.ts";
import { actionProxyGroup } from "./action-proxy.ts";
import { discoveryGroup } from "./discovery.ts";
import { eventSourcedModelGroup } from "./event-sourced-model.ts";
import { eventSourcedProxyGroup } from "./event-sourced-proxy.ts";
import { reflectionGroup } from "./reflection.ts";
import { valueEntityModelGroup } from "./value-entity-model.ts";
import { valueEntityProxyGroup } from "./value-entity-proxy.ts";

/** Every case, in the order of the Cloudstate TCK. */
export const GROUPS: readonly Group[] = [
  discoveryGroup,
  actionModelGroup,
  valueEntityModelGroup,
  eventSourcedModelGroup,
  actionProxyGroup,
  valueEntityProxyGroup,
  eventSourcedProxyGroup,
  reflectionGroup,
];
