// SPDX-License-Identifier: Apache-2.0

/** Makes a process collect its garbage, through Node's inspector. Returns the size of its heap afterwards, in bytes. */
export async function collectedHeapBytes(inspectorUrl: string): Promise<number> {
  const socket = new WebSocket(inspectorUrl);
  try {
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve, { once: true });
      socket.addEventListener("error", () => reject(new Error(`cannot reach ${inspectorUrl}`)), {
        once: true,
      });
    });
    // The second collection frees the objects that finalizers of the first have released.
    await request(socket, 1, "HeapProfiler.collectGarbage");
    await request(socket, 2, "HeapProfiler.collectGarbage");
    const { usedSize } = await request<{ readonly usedSize: number }>(socket, 3, "Runtime.getHeapUsage");
    return usedSize;
  } finally {
    socket.close();
  }
}

function request<Result>(socket: WebSocket, id: number, method: string): Promise<Result> {
  return new Promise((resolve, reject) => {
    const onMessage = (event: MessageEvent): void => {
      const answer = JSON.parse(String(event.data)) as { id?: number; result: Result };
      if (answer.id !== id) return;
      socket.removeEventListener("message", onMessage);
      resolve(answer.result);
    };
    socket.addEventListener("message", onMessage);
    socket.addEventListener("close", () => reject(new Error("the process ended")), { once: true });
    socket.send(JSON.stringify({ id, method }));
  });
}
