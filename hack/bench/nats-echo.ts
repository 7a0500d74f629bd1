// SPDX-License-Identifier: Apache-2.0
// Answers bare requests over NATS with as many bytes as their subject says. Its argument is the server's port.

import { connect } from "@nats-io/transport-node";

import { echoSubject } from "./loader/nats-client.ts";

process.on("disconnect", () => process.exit(0));

const connection = await connect({ port: Number(process.argv[2]), reconnect: false });
const answers = new Map<string, Buffer>();
connection.subscribe(echoSubject("*"), {
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
