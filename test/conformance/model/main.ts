// SPDX-License-Identifier: Apache-2.0

/** The model services on our SDK, for a proxy to be tested with: `HOST=… PORT=… node test/conformance/model/main.ts`. */

import { serveModel } from "./serve-model.ts";

await serveModel({});
