// SPDX-License-Identifier: Apache-2.0

import { eventSourced, on } from "@perdure/sdk";

import { BookedSchema, SeatSchema, Seats } from "./gen/seats/seats_pb.ts";

export const seat = eventSourced(Seats, SeatSchema, {
  persistenceId: "seat",
  commands: {
    book: ({ guest }, { state, emit, fail }) =>
      state.guest ? fail("The seat is taken", { code: "ALREADY_EXISTS" }) : emit(BookedSchema, { guest }),
    show: (_command, { state }) => state,
  },
  events: [on(BookedSchema, (_seat, { guest }) => ({ guest }))],
});
