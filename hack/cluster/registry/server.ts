// SPDX-License-Identifier: Apache-2.0

import { createReadStream } from "node:fs";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import { pipeline } from "node:stream/promises";

import type { Blob } from "./image-folder.ts";
import { readImageFolder } from "./image-folder.ts";

const READ_BYTES = 1 << 20;
const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";

/**
 * A registry that serves the images in a folder: it implements what the OCI Distribution Specification 1.1 requires
 * for pulling (end-1 to end-3). It is needed for images without a tag or with `latest`, because Kubernetes always
 * pulls them.
 *
 * @param host the registry that it stands for if the client names none (containerd names it as `?ns=`).
 */
export function createRegistry(folder: string, host: string): Server {
  return createServer((request, response) => {
    answer(folder, host, request, response).catch((error: unknown) => {
      if (!response.headersSent) refuse(response, 500, "UNKNOWN", String(error));
      else response.destroy();
    });
  });
}

async function answer(
  folder: string,
  host: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://registry");
  if (request.method !== "GET" && request.method !== "HEAD") {
    return refuse(response, 405, "UNSUPPORTED", "this registry is read only");
  }
  if (url.pathname === "/v2/") return void response.end();
  const [, repository, kind, reference] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(url.pathname) ?? [];
  if (repository === undefined || reference === undefined) {
    return refuse(response, 404, "NAME_UNKNOWN", "there is no such resource");
  }
  const { manifests, blobs } = await readImageFolder(folder);
  if (kind === "blobs") {
    const blob = blobs.get(reference);
    if (blob === undefined) return refuse(response, 404, "BLOB_UNKNOWN", `no ${reference}`);
    return send(request, response, blob, reference, "application/octet-stream");
  }
  const name = `${url.searchParams.get("ns") ?? host}/${repository}:${reference}`;
  const known = [...manifests.values()].find(({ digest }) => digest === reference);
  const manifest = reference.includes(":")
    ? { digest: reference, mediaType: known?.mediaType ?? OCI_MANIFEST }
    : manifests.get(name);
  const blob = manifest && blobs.get(manifest.digest);
  if (manifest === undefined || blob === undefined) {
    return refuse(response, 404, "MANIFEST_UNKNOWN", `no image ${name} was loaded`);
  }
  return send(request, response, blob, manifest.digest, manifest.mediaType);
}

async function send(
  request: IncomingMessage,
  response: ServerResponse,
  { archive, offset, sizeBytes }: Blob,
  digest: string,
  mediaType: string,
): Promise<void> {
  response.writeHead(200, {
    "content-type": mediaType,
    "content-length": sizeBytes,
    "docker-content-digest": digest,
  });
  if (request.method === "HEAD" || sizeBytes === 0) return void response.end();
  const range = { start: offset, end: offset + sizeBytes - 1 };
  await pipeline(createReadStream(archive, { ...range, highWaterMark: READ_BYTES }), response);
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ errors: [{ code, message }] }));
}
