// SPDX-License-Identifier: Apache-2.0

import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";

import type { NatsCluster } from "../../../test/lib/nats/cluster.ts";
import { startNatsCluster } from "../../../test/lib/nats/cluster.ts";
import { natsTest } from "../../../test/lib/nats/nats-test.ts";
import { RELAXED_LOG } from "../../../test/lib/nats/relaxed.ts";
import type { NatsServer } from "../../../test/lib/nats/server.ts";
import { until } from "../../../test/lib/until.ts";
import { readAll } from "../contract/harness.ts";
import type { EventLog } from "../event-log.ts";
import { NO_POSITION } from "../event-log.ts";
import { openJetStreamLog } from "./log.ts";

const WRITERS = 30;
const STREAM = "p_ev_0";

interface Fate {
  readonly title: string;
  fail(leader: NatsServer): Promise<void>;
  recover(leader: NatsServer): Promise<void>;
}

/** A leader that is stopped still believes that it leads when it goes on. */
const fates: readonly Fate[] = [
  { title: "killed", fail: (leader) => leader.kill(), recover: (leader) => leader.restart() },
  {
    title: "stopped",
    fail: (leader) => leader.kill("SIGSTOP"),
    recover: (leader) => leader.kill("SIGCONT"),
  },
];

for (const { title, fail, recover } of fates) {
  natsTest(
    `(I5) while the leader of three copies is ${title} no append and no read fails, and each record is stored once`,
    async (t) => {
      const cluster = await startNatsCluster(3);
      t.teardown(() => cluster.stop());
      const settings = {
        ...RELAXED_LOG,
        streams: 1,
        replicas: 3,
        connectTimeoutMs: 30_000,
        requestTimeoutMs: 2_000,
        appendDeadlineMs: 60_000,
        readDeadlineMs: 60_000,
      };
      await (
        await openJetStreamLog(addressOf(cluster.servers[0]), { ...settings, requestTimeoutMs: 30_000 })
      ).close();
      const leader = await leaderOf(cluster);
      const log = await openJetStreamLog(
        addressOf(cluster.servers.find((server) => server !== leader)),
        settings,
      );
      t.teardown(() => log.close());

      let isOver = false;
      const written = Array.from({ length: WRITERS }, (): number[] => []);
      const writing = written.map((positions, index) => write(log, `e${index}`, positions, () => isOver));
      const reading = readAgainAndAgain(log, () => isOver);
      await until("each writer has appended", () => written.every(({ length }) => length > 0));
      await fail(leader);
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      await recover(leader);
      isOver = true;
      await Promise.all(writing);
      t.true((await reading) > 0);

      for (const [index, positions] of written.entries()) {
        const records = await readAll(log, { type: "cart", id: `e${index}` });
        t.deepEqual(
          records.map(({ position }) => position),
          positions,
        );
        t.deepEqual(
          records.map(({ bytes }) => numberOf(bytes)),
          [...positions.keys()],
        );
      }
      t.true(written.flat().length > 2 * WRITERS);
    },
  );
}

/** Appends one record after the other until `isOver`, then two more. Adds their positions to `positions`. */
async function write(log: EventLog, id: string, positions: number[], isOver: () => boolean): Promise<void> {
  for (let more = 2; more > 0; more -= isOver() ? 1 : 0) {
    const bytes = Uint8Array.of(positions.length >> 8, positions.length);
    positions.push(await log.append({ type: "cart", id }, positions.at(-1) ?? NO_POSITION, bytes));
  }
}

/** Reads until `isOver`. Returns the number of reads. */
async function readAgainAndAgain(log: EventLog, isOver: () => boolean): Promise<number> {
  let times = 0;
  for (; !isOver(); times++) await log.read({ type: "cart", id: "e0" });
  return times;
}

function numberOf(bytes: Uint8Array): number {
  return Buffer.from(bytes).readUInt16BE();
}

async function leaderOf(cluster: NatsCluster): Promise<NatsServer> {
  const connection = await connect({ servers: cluster.urls });
  const { streams } = await jetstreamManager(connection, { timeout: 30_000 });
  const { cluster: state } = await streams.info(STREAM);
  await connection.close();
  return cluster.server(state?.leader ?? "");
}

function addressOf(server: NatsServer | undefined): { server: string; prefix: string } {
  return { server: `127.0.0.1:${server?.port ?? 0}`, prefix: "p" };
}
