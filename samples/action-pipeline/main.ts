// SPDX-License-Identifier: Apache-2.0

import { serve } from "@perdure/sdk";
import { cart } from "value-cart";

import { ordering } from "./ordering.ts";

const { host, port } = await serve(ordering, cart);
console.log(`action-pipeline serves its proxy on ${host}:${port}`);
