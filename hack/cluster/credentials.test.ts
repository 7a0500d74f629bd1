// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:tls";

import test from "ava";

import { temporaryFolder } from "../../test/lib/processes.ts";
import { makeCredentials } from "./credentials.ts";
import { clusterPaths } from "./paths.ts";

test("clients that trust the authority trust the API server, at its addresses and by its names", async (t) => {
  const paths = clusterPaths({ PERDURE_CLUSTER_DIR: temporaryFolder(t) });
  const files = await makeCredentials(paths);
  const ca = readFileSync(files.authority);
  const server = createServer({
    cert: readFileSync(files.serverCertificate),
    key: readFileSync(files.serverKey),
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  for (const servername of ["", "kubernetes.default.svc"]) {
    const socket = connect({ host: "127.0.0.1", port, ca, servername });
    await once(socket, "secureConnect");
    t.true(socket.authorized);
    socket.destroy();
  }
  const kubeconfig = readFileSync(paths.kubeconfig, "utf8");
  await makeCredentials(paths);
  t.is(readFileSync(paths.kubeconfig, "utf8"), kubeconfig, "they are made once");
});
