// SPDX-License-Identifier: Apache-2.0

import { serve } from "@perdure/sdk";

import { cart } from "./cart.ts";

const { host, port } = await serve(cart);
console.log(`value-cart serves its proxy on ${host}:${port}`);
