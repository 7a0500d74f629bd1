// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import { ManualClock } from "../base/test-doubles/mod.ts";

import { RequestPieces, SmallPieces } from "./small-pieces.ts";

const MAX = 1_000;
const FREE = 64;

function connection() {
  const clock = new ManualClock();
  let floods = 0;
  const pieces = new SmallPieces(MAX, clock, () => void floods++);
  return { clock, pieces, floods: () => floods };
}

/** Sends pieces one by one until one is refused; at most `most`. Returns how many were taken. */
function send(request: RequestPieces, bytes: number, messages = 0, most = 1e5): number {
  for (let sent = 0; sent < most; sent++) if (!request.takePieces(1, bytes, messages)) return sent;
  return most;
}

test("(1) pieces of 128 bytes, and small messages that each come in two, have no bound", (t) => {
  const { pieces } = connection();
  t.is(send(new RequestPieces(pieces), 128), 1e5);
  const request = new RequestPieces(pieces);
  for (let sent = 0; sent < 1e5; sent++) {
    if (!request.takePieces(1, 5, 0) || !request.takePieces(1, 0, 1))
      return t.fail(`message ${sent} was refused`);
  }
});

test("(2) small pieces have a bound for each connection, and come back with time", (t) => {
  const { clock, pieces } = connection();
  const request = new RequestPieces(pieces);
  t.is(send(request, 0), MAX + FREE);
  t.is(send(new RequestPieces(pieces), 0), FREE, "another request of the connection has only its own");
  clock.advance(1_000);
  t.is(send(request, 0), MAX / 4 - 1, "the piece that was refused is among them");
  t.is(send(new RequestPieces(connection().pieces), 0), MAX + FREE, "another connection has its own");
});

test("(2) what is many and small at once is refused at once", (t) => {
  const { pieces } = connection();
  t.false(new RequestPieces(pieces).takePieces(10_000, 60_000, 0));
  t.true(new RequestPieces(connection().pieces).takePieces(400, 60_000, 0));
});

test("(3) what goes on after a refusal ends the connection", (t) => {
  const { pieces, floods } = connection();
  const request = new RequestPieces(pieces);
  send(request, 0);
  for (let sent = 1; sent < MAX / 4; sent++) request.takePieces(1, 0, 0);
  t.is(floods(), 0);
  request.takePieces(1, 0, 0);
  t.is(floods(), 1);
});

test("(2) whatever comes, and when, no more small pieces are taken than the bound says", (t) => {
  const step = fc.record({
    request: fc.nat({ max: 2 }),
    count: fc.nat({ max: 900 }),
    waitMs: fc.nat({ max: 500 }),
  });
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const { clock, pieces } = connection();
        const requests = [0, 1, 2].map(() => new RequestPieces(pieces));
        let taken = 0;
        for (const { request, count, waitMs } of steps) {
          clock.advance(waitMs);
          taken += send(requests[request] as RequestPieces, 0, 0, count);
        }
        return taken <= MAX + requests.length * FREE + (clock.monotonicMs() * MAX) / 4_000;
      }),
    ),
  );
});
