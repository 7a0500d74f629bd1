// SPDX-License-Identifier: Apache-2.0
// Serves the samples in one process: to a proxy, and with the same handlers as plain unary gRPC, to which everything
// else is compared.

import { serve } from "../../pkg/sdk/mod.ts";

import { ordering } from "../../samples/action-pipeline/ordering.ts";
import { cart } from "../../samples/shopping-cart/cart.ts";
import { cart as valueCart } from "../../samples/value-cart/cart.ts";
import { serveDirectly } from "./direct-server.ts";
import type { UserFunctionPorts } from "./servers.ts";

process.on("disconnect", () => process.exit(0));

const entities = [cart, valueCart, ordering];
const running = await serve({ entities, port: 0 });
const ports: UserFunctionPorts = { entityPort: running.port, directPort: await serveDirectly(entities) };
process.send?.(ports);
