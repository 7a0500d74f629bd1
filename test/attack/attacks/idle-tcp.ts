// SPDX-License-Identifier: Apache-2.0

import { fromManyAddresses, fromOneAddress, idleAttack } from "../idle-attack.ts";

export const attack = idleAttack({
  name: "idle-tcp",
  about: "10,000 connections that send nothing",
  // Beyond `--max-connections` the oldest idle one is closed, so their time-out (`left-alone`) is not what holds it.
  bounds: [],
  ways: { "one-address": fromOneAddress({}), "many-addresses": fromManyAddresses({}) },
});
