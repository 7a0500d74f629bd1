// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { unservedNames } from "./served.ts";

test("what is announced and not done is named, with what of it is missing", (t) => {
  const reason = "the log says why";
  const names = unservedNames([
    { what: "calls", service: "shop.Votes", method: undefined, reason },
    { what: "calls", service: "shop.Cart", method: "Odd", reason },
    { what: "http", service: "shop.Cart", method: "Get", reason },
    { what: "events", service: "shop.News", method: "Hear", reason },
  ]);
  t.deepEqual(names, [
    "shop.Votes: not served",
    "shop.Cart.Odd: not served",
    "shop.Cart.Get: not served by one of its HTTP rules",
    "shop.News.Hear: not given events",
  ]);
});
