// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { defaultsOf, MIB } from "../../settings/mod.ts";

import { FORWARD_SETTINGS } from "../settings.ts";
import { forwardOptions } from "./options.ts";

const DEFAULTS = { ...defaultsOf(FORWARD_SETTINGS), maxRequestBytes: 12 * MIB, maxMessageBytes: 12 * MIB };

test("the bounds are those of the settings", (t) => {
  const options = { ...DEFAULTS, maxPeerCalls: 7, maxPeerSilenceMs: 3_000 };
  t.like(forwardOptions(options), { maxPeerCalls: 7, maxSilenceMs: 3_000, maxMessageBytes: 16 * MIB });
});

test("what one proxy takes from its callers or its function, it can send to another", (t) => {
  for (const larger of ["maxRequestBytes", "maxMessageBytes"]) {
    t.notThrows(() => forwardOptions({ ...DEFAULTS, [larger]: 15 * MIB }));
    t.throws(() => forwardOptions({ ...DEFAULTS, [larger]: 15 * MIB + 1 }), {
      code: "BAD_SETTING",
      message: /^PERDURE_MAX_PEER_MESSAGE_BYTES must be at least 16777217, not 16777216, because /,
    });
  }
});

test("one message of the largest size may be under way", (t) => {
  t.notThrows(() => forwardOptions({ ...DEFAULTS, maxPeerBytes: 16 * MIB + 1_024 }));
  t.throws(() => forwardOptions({ ...DEFAULTS, maxPeerBytes: 16 * MIB + 1_023 }), {
    code: "BAD_SETTING",
    message:
      "PERDURE_MAX_PEER_BYTES must be at least 16778240, not 16778239, because PERDURE_MAX_PEER_MESSAGE_BYTES is 16777216",
  });
});

test("an owner gives several signs in the shortest silence", (t) => {
  const { range } = { range: FORWARD_SETTINGS.maxPeerSilenceMs.form };
  const { workingEveryMs } = forwardOptions(DEFAULTS);
  t.true(range.min >= 3 * workingEveryMs);
});
