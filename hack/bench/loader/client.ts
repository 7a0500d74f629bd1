// SPDX-License-Identifier: Apache-2.0

/** Makes calls. As lean as possible, because it shares the processors with the programs that it measures. */
export interface Caller {
  /**
   * Makes one call for the caller of this number, which must have no other call in flight. Rejects if the call fails.
   */
  call(caller: number, entity: number): Promise<void>;
}

/** Makes calls to one port. */
export interface Client extends Caller {
  close(): void;
}

/** Returns a `make` that makes each entity's request only once, so that the encoding of requests is not measured. */
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
