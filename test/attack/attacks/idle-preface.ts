// SPDX-License-Identifier: Apache-2.0

import { fromManyAddresses, fromOneAddress, idleAttack } from "../idle-attack.ts";
import { opening } from "../wire/h2-frames.ts";

export const attack = idleAttack({
  name: "idle-preface",
  about: "10,000 connections that begin with HTTP/2 and send no request",
  bounds: ["first-request-timeout"],
  ways: {
    "one-address": fromOneAddress({ first: opening() }),
    "many-addresses": fromManyAddresses({ first: opening() }),
  },
});
