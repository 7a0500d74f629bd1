// SPDX-License-Identifier: Apache-2.0

import { serve } from "../mod.ts";

import { modelEntity } from "./model.ts";

const { host, port } = await serve(modelEntity());
process.stdout.write(`${host} ${port}\n`);
