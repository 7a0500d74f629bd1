// SPDX-License-Identifier: Apache-2.0

import {
  AuthorizationError,
  ClosedConnectionError,
  ConnectionError,
  NoRespondersError,
  PermissionViolationError,
  RequestError,
  TimeoutError,
  UserAuthenticationExpiredError,
} from "@nats-io/transport-node";
import test from "ava";

import { connectError, missingPermission, natsErrorOf, notSentError } from "./client-error.ts";
import type { NatsCode } from "./nats-error.ts";
import { NatsError } from "./nats-error.ts";

const MAY_NOT_PUBLISH = new PermissionViolationError("violation", "publish", "shop.load");
const MAY_NOT_SUBSCRIBE = new PermissionViolationError("violation", "subscription", "_INBOX.x.*");

test("each error of the client has a code, and is kept as the cause", (t) => {
  const cases: readonly (readonly [Error, NatsCode])[] = [
    [MAY_NOT_PUBLISH, "NATS_MAY_NOT_PUBLISH"],
    [new RequestError("violation", { cause: MAY_NOT_PUBLISH }), "NATS_MAY_NOT_PUBLISH"],
    [MAY_NOT_SUBSCRIBE, "NATS_MAY_NOT_SUBSCRIBE"],
    [new NoRespondersError("shop.load"), "NATS_NO_RESPONDERS"],
    [new RequestError("none", { cause: new NoRespondersError("shop.load") }), "NATS_NO_RESPONDERS"],
    [new AuthorizationError("Authorization Violation"), "NATS_UNAUTHORIZED"],
    [new UserAuthenticationExpiredError("User Authentication Expired"), "NATS_UNAUTHORIZED"],
    [new AuthorizationError("Authentication Timeout"), "NATS_UNREACHABLE"],
    [new TimeoutError(), "NATS_NO_ANSWER"],
    [new RequestError("connection disconnected"), "NATS_NO_ANSWER"],
    [new ConnectionError("connection refused"), "NATS_NO_ANSWER"],
    [new ClosedConnectionError(), "NATS_FAILED"],
    [new TypeError("something else"), "NATS_FAILED"],
  ];
  for (const [error, code] of cases) {
    const translated = natsErrorOf(error);
    t.is(translated.code, code, `${error.name}: ${error.message}`);
    t.is(translated.cause, error);
    t.true(translated.message.includes(error.message));
    t.is(natsErrorOf(translated), translated);
  }
});

test("a missing permission is named with its subject", (t) => {
  t.regex(natsErrorOf(MAY_NOT_PUBLISH).message, /allow this user to publish to "shop\.load" \(violation\)$/);
  t.regex(natsErrorOf(MAY_NOT_SUBSCRIBE).message, /allow this user to subscribe to "_INBOX\.x\.\*"/);
  t.deepEqual(missingPermission(MAY_NOT_SUBSCRIBE), { operation: "subscribe", subject: "_INBOX.x.*" });
  t.is(missingPermission(new Error("violation")), undefined);
});

test("a server too busy to check who we are may be there later; one that refuses us will not", (t) => {
  const codeOf = (text: string) => connectError(new AuthorizationError(text), "h:4222").code;
  t.is(codeOf("Authentication Timeout"), "NATS_UNREACHABLE");
  t.is(codeOf("Authorization Violation"), "NATS_UNAUTHORIZED");
});

test("a failure to connect names the server and what to do", (t) => {
  const refused = connectError(new ConnectionError("connection refused"), "h:4222");
  t.is(refused.code, "NATS_UNREACHABLE");
  t.regex(refused.message, /^h:4222: no NATS server answers there: start one .*\(connection refused\)$/);
  t.regex(connectError(new TimeoutError(), "h:4222").message, /then stays silent/);

  const noTls = connectError(new ConnectionError("server does not support 'tls'"), "h:4222");
  t.is(noTls.code, "NATS_BAD_TLS");
  const selfSigned = Object.assign(new Error("self-signed"), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
  t.is(connectError(new ConnectionError("tls", { cause: selfSigned }), "h:4222").code, "NATS_BAD_TLS");

  const badFile = new NatsError("NATS_BAD_FILE", "the file cannot be read");
  t.is(connectError(badFile, "h:4222"), badFile);
  const wrapped = connectError(new ConnectionError("handshake", { cause: badFile }), "h:4222");
  t.is(wrapped.code, "NATS_BAD_FILE");
  t.regex(wrapped.message, /^h:4222: TLS cannot be set up/);
});

test("what the client rejects was not sent", (t) => {
  const closed = new ClosedConnectionError();
  const error = notSentError(closed);
  t.is(error.code, "NATS_NOT_SENT");
  t.is(error.cause, closed);
});
