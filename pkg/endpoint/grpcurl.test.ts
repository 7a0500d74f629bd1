// SPDX-License-Identifier: Apache-2.0

import { execFile } from "node:child_process";
import { promisify } from "node:util";

import test from "ava";

import { goTool } from "../../test/lib/go-tool.ts";
import { runEndpoint } from "./testdata/running-endpoint.ts";

const run = promisify(execFile);

test("grpcurl lists, describes and calls through reflection", async (t) => {
  t.timeout(700_000, "building grpcurl for the first time takes minutes");
  const grpcurl = await goTool({ package: "github.com/fullstorydev/grpcurl/cmd/grpcurl", version: "v1.9.3" });
  t.timeout(60_000);
  if (grpcurl.kind === "missing") {
    console.log(`grpcurl test skipped: ${grpcurl.reason}`);
    t.pass();
    return;
  }
  const endpoint = await runEndpoint(t);
  const curl = async (options: readonly string[], ...args: readonly string[]) => {
    const plain = ["-plaintext", "-max-time", "20", ...options];
    const { stdout } = await run(grpcurl.path, [...plain, `127.0.0.1:${endpoint.port}`, ...args]);
    return stdout;
  };

  const services = [
    "perdure.test.library.Files",
    "perdure.test.library.Library",
    "perdure.test.library.Plain",
    "perdure.test.library.Talks",
  ];
  t.deepEqual((await curl([], "list")).trim().split("\n"), [
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    ...services,
  ]);
  t.regex(await curl([], "list", "perdure.test.library.Plain"), /^perdure\.test\.library\.Plain\.Echo\n$/);

  const described = await curl([], "describe");
  for (const service of services) t.true(described.includes(`${service} is a service:`), described);
  const book = await curl([], "describe", "perdure.test.library.Book");
  t.regex(book, /string isbn = 1 \[\(.?cloudstate\.entity_key\) = true\];/);
  await t.throwsAsync(curl([], "describe", "perdure.test.library.Nothing"), { message: /Nothing/ });

  const answer = await curl(["-d", '{"isbn":"7"}'], "perdure.test.library.Library/GetBook");
  t.deepEqual(JSON.parse(answer), { isbn: "7" });
});
