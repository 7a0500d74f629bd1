// SPDX-License-Identifier: Apache-2.0

import { attackDrain } from "../admin/forbidden-drains.ts";
import type { Attack } from "../attack.ts";
import { HOST } from "../target.ts";

export const attack: Attack = {
  name: "drain",
  about:
    "a caller without the secret, or a web page, asks the admin port to drain the proxy in every way there is",
  bounds: ["drain-secret"],
  // Long enough for all attempts, which take about a second.
  seconds: { long: 30, short: 30 },
  proxyFlags: { "drain-secret": "the-secret-of-this-pod" },
  ways: {
    http1: async ({ adminPort }, { tally }) => {
      const report = await attackDrain({ adminPort, hasSecret: true, addresses: [HOST] });
      tally.add("requests", report.tried);
      tally.add("accepted", report.accepted.length);
      tally.add("times unready", report.unready.length);
    },
  },
  check: (_world, { accepted = 0, "times unready": unready = 0 }) =>
    accepted + unready === 0 ? [] : [`${accepted} requests were not refused, ${unready} made it unready`],
};
