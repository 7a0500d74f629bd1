// SPDX-License-Identifier: Apache-2.0

import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, headers } from "@nats-io/transport-node";

import { natsTest } from "../lib/nats/nats-test.ts";
import { startNatsServer } from "../lib/nats/server.ts";
import { checkRawStreams } from "./raw-streams.ts";
import { FENCE } from "./world.ts";

natsTest(
  "a stream in which a message does not follow the one before it on its subject is found",
  async (t) => {
    const server = await startNatsServer();
    t.teardown(() => server.stop());
    const connection = await connect({ servers: server.url });
    t.teardown(() => connection.close());
    await (await jetstreamManager(connection, { timeout: 30_000 })).streams.add({
      name: "S",
      subjects: ["faults.ev.>"],
    });
    const publish = async (subject: string, fence?: number): Promise<void> => {
      const fields = headers();
      if (fence !== undefined) fields.set(FENCE, `${fence}`);
      await jetstream(connection).publish(`faults.ev.${subject}`, "", { headers: fields });
    };
    t.deepEqual(await checkRawStreams({ servers: [server] }), { messages: 0, violations: [] });
    await publish("a", 0);
    await publish("b", 0);
    await publish("a", 1);
    t.deepEqual(await checkRawStreams({ servers: [server] }), { messages: 3, violations: [] });
    await publish("b");
    t.deepEqual(await checkRawStreams({ servers: [server] }), {
      messages: 4,
      violations: ["S, sequence 4, faults.ev.b: it names nothing as the one before, which is 2"],
    });
  },
);
