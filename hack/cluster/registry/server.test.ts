// SPDX-License-Identifier: Apache-2.0

import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { ExecutionContext } from "ava";
import test from "ava";

import { writeImage } from "../../image/archive.ts";
import { createRegistry } from "./server.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";

interface Place {
  readonly folder: string;
  readonly url: string;
}

async function registry(t: ExecutionContext): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), "perdure-registry-"));
  const server = createRegistry(folder, "dev.local").listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true, force: true });
  });
  return { folder, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function addImage({ folder }: Place, name: string, text: string): Promise<void> {
  const from = join(folder, "text");
  writeFileSync(from, text);
  const files = [{ from, to: "/text" }];
  await writeImage({ name, files, libraries: false, entrypoint: ["/text"], out: join(folder, "image.tar") });
}

test("an image is pulled: its manifest by tag, then all that the manifest names, by digest", async (t) => {
  const place = await registry(t);
  await addImage(place, "dev.local/app", "one");
  t.is((await fetch(`${place.url}/v2/`)).status, 200);

  const answer = await fetch(`${place.url}/v2/app/manifests/latest?ns=dev.local`);
  t.is(answer.status, 200);
  t.is(answer.headers.get("content-type"), MANIFEST);
  const text = await answer.text();
  const digest = `sha256:${createHash("sha256").update(text).digest("hex")}`;
  t.is(answer.headers.get("docker-content-digest"), digest);
  t.is(await (await fetch(`${place.url}/v2/app/manifests/${digest}`)).text(), text);

  const manifest = JSON.parse(text) as { layers: Array<{ digest: string }>; config: { digest: string } };
  for (const blob of [...manifest.layers, manifest.config]) {
    const bytes = Buffer.from(await (await fetch(`${place.url}/v2/app/blobs/${blob.digest}`)).arrayBuffer());
    t.is(`sha256:${createHash("sha256").update(bytes).digest("hex")}`, blob.digest);
  }
  const head = await fetch(`${place.url}/v2/app/manifests/latest`, { method: "HEAD" });
  t.is(head.headers.get("docker-content-digest"), digest);
});

test("an image that is replaced is another one from the next question on", async (t) => {
  const place = await registry(t);
  await addImage(place, "dev.local/app", "one");
  const first = await (await fetch(`${place.url}/v2/app/manifests/latest`)).text();
  await addImage(place, "dev.local/app", "two");
  const second = await (await fetch(`${place.url}/v2/app/manifests/latest`)).text();
  t.not(second, first);
});

test("what was not loaded, or is of another host, is not there", async (t) => {
  const place = await registry(t);
  await addImage(place, "dev.local/app", "one");
  writeFileSync(join(place.folder, "broken.tar"), "not an archive");
  const ask = async (path: string): Promise<[number, string]> => {
    const answer = await fetch(`${place.url}${path}`);
    const { errors } = (await answer.json()) as { errors: Array<{ code: string }> };
    return [answer.status, String(errors[0]?.code)];
  };
  t.deepEqual(await ask("/v2/app/manifests/2"), [404, "MANIFEST_UNKNOWN"]);
  t.deepEqual(await ask("/v2/app/manifests/latest?ns=docker.io"), [404, "MANIFEST_UNKNOWN"]);
  t.deepEqual(await ask(`/v2/app/blobs/sha256:${"0".repeat(64)}`), [404, "BLOB_UNKNOWN"]);
  t.deepEqual(await ask("/else"), [404, "NAME_UNKNOWN"]);
  const pushed = await fetch(`${place.url}/v2/app/blobs/uploads/`, { method: "POST" });
  t.is(pushed.status, 405);
});
