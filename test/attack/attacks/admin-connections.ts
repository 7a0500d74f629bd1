// SPDX-License-Identifier: Apache-2.0

import { setTimeout as delay } from "node:timers/promises";

import { holdAdminConnections } from "../admin/held-connections.ts";
import type { Attack } from "../attack.ts";
import { over } from "../wire/line.ts";

const CONNECTIONS = 2_000;

/** The proxy's default limit of admin connections. */
const MOST = 1_000;

/** Less than is left of the time that the proxy gives a request. */
const SETTLE_MS = 2_000;

export const attack: Attack = {
  name: "admin-connections",
  about: `${CONNECTIONS} connections to the admin port, with half a request each`,
  bounds: ["admin-max-connections"],
  // Shorter than the time that the proxy gives a request, which would close them all.
  seconds: { long: 4, short: 2 },
  ways: {
    "half-sent": async ({ adminPort }, { signal, tally }) => {
      const held = await holdAdminConnections(adminPort, CONNECTIONS);
      await over(signal);
      // Connections that the proxy has not accepted yet look open from here, because Node accepts one in each turn of
      // its event loop.
      const endMs = performance.now() + SETTLE_MS;
      while (held.report().left > MOST && performance.now() < endMs) await delay(20);
      const { opened, left } = held.report();
      held.release();
      tally.add("connections", opened);
      tally.add("left open", left);
    },
  },
  check: (_world, { "left open": left = 0 }) =>
    left <= MOST ? [] : [`${left} connections to the admin port are open, not ${MOST} at most`],
};
