// SPDX-License-Identifier: Apache-2.0

import { startLocalProxy } from "../../../test/lib/local-proxy.ts";
import { natsTest } from "../../../test/lib/nats/nats-test.ts";
import { startNatsServer } from "../../../test/lib/nats/server.ts";

/** No user function listens there. */
const NO_PORT = 1;

natsTest("settings that do not go together end the start, and nothing is tried with them", async (t) => {
  const server = await startNatsServer();
  t.teardown(() => server.stop());
  const startWith = (env: Readonly<Record<string, string>>) =>
    startLocalProxy(t, NO_PORT, { PERDURE_LOG: `${server.url}/shop`, PERDURE_CLUSTER: "on", ...env });
  await t.throwsAsync(startWith({ PERDURE_LEASE_MS: "5000" }), {
    code: "BAD_SETTING",
    message: /^PERDURE_MEMBER_TTL_MS must be at least 20000, not 10000, because PERDURE_LEASE_MS is 5000$/,
  });
  await t.throwsAsync(startWith({ PERDURE_MAX_REQUEST_BYTES: "100000000" }), {
    code: "BAD_SETTING",
    message:
      /^PERDURE_MAX_PEER_MESSAGE_BYTES must be at least 101048576, not 16777216, because --max-request-bytes /,
  });
  await t.notThrowsAsync(
    startWith({
      PERDURE_MAX_REQUEST_BYTES: "100000000",
      PERDURE_MAX_PEER_MESSAGE_BYTES: "110000000",
      PERDURE_MAX_PEER_BYTES: "220000000",
    }),
  );
});
