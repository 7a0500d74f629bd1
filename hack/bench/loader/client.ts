// SPDX-License-Identifier: Apache-2.0

/** Makes calls. As lean as can be, since it shares the processors with what it measures. */
export interface Caller {
  /** One call for the caller of this number (which has no other in flight). Rejects if it was not answered well. */
  call(caller: number, entity: number): Promise<void>;
}

/** Makes calls to one port. */
export interface Client extends Caller {
  close(): void;
}

/** Requests by entity, made once: what is measured is not the encoding of requests. */
export function prepared<Request>(make: (entity: number) => Request): (entity: number) => Request {
  const kept = new Map<number, Request>();
  return (entity) => {
    let request = kept.get(entity);
    if (request === undefined) {
      request = make(entity);
      kept.set(entity, request);
    }
    return request;
  };
}
