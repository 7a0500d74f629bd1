// SPDX-License-Identifier: Apache-2.0

import { serve } from "@perdure/sdk";

import { seat } from "./seat.ts";

const { host, port } = await serve(seat);
console.log(`seats serves its proxy on ${host}:${port}`);
