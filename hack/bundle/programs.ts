// SPDX-License-Identifier: Apache-2.0

/** What is bundled and put into images, by name: its entry, from the root of the repository. */
export const PROGRAMS: Readonly<Record<string, string>> = {
  proxy: "cmd/proxy/bundled.ts",
  webhook: "cmd/webhook/main.ts",
  "shopping-cart": "samples/shopping-cart/main.ts",
  "value-cart": "samples/value-cart/main.ts",
};
