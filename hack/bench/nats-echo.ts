// SPDX-License-Identifier: Apache-2.0
// Answers bare requests over NATS with as many bytes as their subject says. Its arguments are the server's port, and
// which of several such programs it is.

import { connect } from "@nats-io/transport-node";

import { echoSubject } from "./loader/nats-client.ts";

process.on("disconnect", () => process.exit(0));

const [port, program] = process.argv.slice(2).map(Number);
if (port === undefined || program === undefined) throw new Error("usage: nats-echo.ts PORT NUMBER");
const connection = await connect({ port, reconnect: false });
const answers = new Map<string, Buffer>();
connection.subscribe(echoSubject(program, "*"), {
  callback: (error, message) => {
    if (error === null) message.respond(answerFor(message.subject));
  },
});
await connection.flush();
process.send?.("listening");

function answerFor(subject: string): Buffer {
  let answer = answers.get(subject);
  if (answer === undefined) {
    answer = Buffer.alloc(Number(subject.slice(subject.lastIndexOf(".") + 1)), 1);
    answers.set(subject, answer);
  }
  return answer;
}
