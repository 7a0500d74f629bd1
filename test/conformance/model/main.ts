// SPDX-License-Identifier: Apache-2.0

/** Runs the model services on our SDK, to test a proxy with: `HOST=… PORT=… node test/conformance/model/main.ts`. */

import { serveModel } from "./serve-model.ts";

await serveModel({});
