// SPDX-License-Identifier: Apache-2.0

import type { ExecutionContext } from "ava";

import type { NatsLink } from "../../nats/mod.ts";

import { natsTest } from "../../../test/lib/nats/nats-test.ts";
import type { NatsServer } from "../../../test/lib/nats/server.ts";
import { startNatsServer } from "../../../test/lib/nats/server.ts";
import { openTestLink } from "../../../test/lib/nats/test-link.ts";
import { until } from "../../../test/lib/until.ts";
import { MemberTalk } from "./member-talk.ts";
import { pingSubject } from "./subjects.ts";

const NAME = "shop_cluster";

/** May say nothing beside the talk: no answer to a subject that somebody else chose. */
const USER = `{ user: proxy, password: p, permissions: {
  publish: { allow: ["${NAME}-talk.>"] }, subscribe: { allow: ["${NAME}-talk.>", "_INBOX.>"] } } }`;

interface Talker {
  readonly link: NatsLink;
  readonly talk: MemberTalk;
  readonly heard: string[];
  readonly missing: string[];
}

async function startTalk(t: ExecutionContext, { port }: NatsServer): Promise<Talker> {
  const credentials = { kind: "password", user: "proxy", password: "p" } as const;
  const link = await openTestLink(t, port, { credentials });
  const [heard, missing]: [string[], string[]] = [[], []];
  const talk = new MemberTalk({
    link,
    name: NAME,
    onHeard: (id) => heard.push(id),
    onNoResponder: (id) => missing.push(id),
  });
  return { link, talk, heard, missing };
}

natsTest("a ping is answered by the member, or by the server if nobody is there", async (t) => {
  const server = await startNatsServer({ more: `authorization { timeout: 30, users: [${USER}] }` });
  t.teardown(() => server.stop());
  const [one, other] = [await startTalk(t, server), await startTalk(t, server)];
  other.talk.listenAs("b.1");
  await until("it is heard", () => {
    one.talk.ping("b.1");
    return one.heard.includes("b.1");
  });
  one.talk.ping("c.1");
  await until("nobody is there", () => one.missing.includes("c.1"));
  other.talk.listenAs("b.2");
  await until("its former name is nobody's", () => {
    one.talk.ping("b.1");
    return one.missing.includes("b.1");
  });
  // A ping that asks for an answer elsewhere, such as in the log, gets none.
  one.link.publish(pingSubject(NAME, "b.2"), "", "shop.ev.1.cart.ann");
  one.heard.length = 0;
  await until("a later one is answered", () => {
    one.talk.ping("b.2");
    return one.heard.includes("b.2");
  });
  t.deepEqual(
    server.log.filter((line) => line.includes("Violation")),
    [],
  );
});
