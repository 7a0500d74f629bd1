// SPDX-License-Identifier: Apache-2.0

/** A caller may be done before the method reads: the end of its messages must not be lost, in any protocol. */

import type { ClientHttp2Session } from "node:http2";
import { connect as connectHttp2 } from "node:http2";

import type { ExecutionContext } from "ava";
import test from "ava";

import { NO_METADATA } from "../protocol/mod.ts";

import { readWebAnswer, webCall, webFrame } from "./testdata/grpc-web.ts";
import { HTTP_CLIENTS } from "./testdata/http-clients.ts";
import { echo, RawClient, runEndpoint } from "./testdata/running-endpoint.ts";
import { Talker } from "./testdata/web-sockets.ts";

/** Messages that the method has read before their end. */
type Way = (t: ExecutionContext, port: number, message: Buffer | undefined) => Promise<unknown>;

const OK = "0";

/** @param hasData sends the end in a frame of its own, after the headers. */
function byGrpc(hasData: boolean): Way {
  return async (t, port, message) => {
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    t.teardown(() => session.destroy());
    const headers = {
      ":method": "POST",
      ":path": "/perdure.test.library.Talks/Chat",
      "content-type": "application/grpc",
      te: "trailers",
    };
    const stream = session.request(headers, { endStream: !hasData && message === undefined });
    let status: unknown;
    stream.on("response", (response) => (status ??= response["grpc-status"]));
    stream.on("trailers", (trailers) => (status ??= trailers["grpc-status"]));
    if (hasData) await pong(session);
    if (hasData || message !== undefined) stream.end(message && webFrame(message));
    await pong(session);
    stream.resume();
    await new Promise((resolve) => stream.on("close", resolve));
    t.is(status, OK);
  };
}

/** Resolves when the server has read all that was sent before. */
function pong(session: ClientHttp2Session): Promise<void> {
  return new Promise((resolve) => session.ping(() => resolve()));
}

function byGrpcWeb(version: keyof typeof HTTP_CLIENTS): Way {
  return async (t, port, message) => {
    const body = message === undefined ? Buffer.alloc(0) : webFrame(message);
    const { trailers } = await readWebAnswer(await HTTP_CLIENTS[version](port, webCall("Chat", body)));
    t.is(trailers?.["grpc-status"], OK);
  };
}

const byChunks: Way = async (t, port, message) => {
  const client = new RawClient(port);
  t.teardown(() => void client.socket.destroy());
  const frame = message === undefined ? "" : webFrame(message).toString("latin1");
  const chunk = frame === "" ? "" : `${frame.length.toString(16)}\r\n${frame}\r\n`;
  const head =
    "POST /perdure.test.library.Talks/Chat HTTP/1.1\r\nhost: x\r\ncontent-type: application/grpc-web\r\n" +
    "transfer-encoding: chunked\r\n\r\n";
  client.send(Buffer.from(`${head}${chunk}0\r\n\r\n`, "latin1"));
  t.regex(await client.until("grpc-status"), /grpc-status: ?0/);
};

function byWebSocket(protocol: "perdure.json" | "perdure.proto"): Way {
  return async (t, port, message) => {
    const talker = new Talker(t, port, "Chat", { protocols: [protocol] });
    const frame = protocol === "perdure.proto" ? message : message && "{}";
    await talker.say(...(frame === undefined ? [] : [frame]), "");
    t.deepEqual(await talker.closed, [1_000, ""]);
  };
}

const ways: Readonly<Record<string, Way>> = {
  "gRPC, the end with the headers": byGrpc(false),
  "gRPC, the end by itself": byGrpc(true),
  "gRPC-Web over HTTP/1.1": byGrpcWeb("HTTP/1.1"),
  "gRPC-Web over HTTP/1.1, in chunks": byChunks,
  "gRPC-Web over HTTP/2": byGrpcWeb("HTTP/2"),
  "WebSocket with JSON": byWebSocket("perdure.json"),
  "WebSocket with bytes": byWebSocket("perdure.proto"),
};

for (const [name, send] of Object.entries(ways))
  for (const count of [0, 1])
    test(`${name}: ${count} messages and their end, before anything is read, are read whole`, async (t) => {
      let read = 0;
      const endpoint = await runEndpoint(t, echo, {}, async function* ({ input }) {
        // The request has arrived whole after one, because it is small and sent at once.
        for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
        for await (const _message of input) read++;
        yield { payload: Buffer.alloc(0), metadata: NO_METADATA };
      });
      await send(t, endpoint.port, count === 0 ? undefined : Buffer.from([0x0a, 1, 0x61]));
      t.is(read, count);
    });
