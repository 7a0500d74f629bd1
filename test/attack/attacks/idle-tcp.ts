// SPDX-License-Identifier: Apache-2.0

import { fromManyAddresses, fromOneAddress, idleAttack } from "../idle-attack.ts";

export const attack = idleAttack({
  name: "idle-tcp",
  about: "10,000 connections that send nothing",
  bounds: ["headers-timeout"],
  ways: { "one-address": fromOneAddress({}), "many-addresses": fromManyAddresses({}) },
});
