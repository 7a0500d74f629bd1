// SPDX-License-Identifier: Apache-2.0

import { Buffer } from "node:buffer";

import { nkeys } from "@nats-io/transport-node";

import { systemClock } from "../../../base/mod.ts";

/** A NATS operator with one account for JetStream, whose users come with credentials files. */
export interface Operator {
  /** Configuration of a server that trusts it. */
  readonly config: string;
  /** The contents of a credentials file of a new user. */
  credentials(expires?: Date): string;
}

type KeyPair = ReturnType<typeof nkeys.createUser>;

const UNLIMITED = {
  subs: -1,
  data: -1,
  payload: -1,
  conn: -1,
  leaf: -1,
  imports: -1,
  exports: -1,
  wildcards: true,
};
const JETSTREAM = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };

export function createOperator(): Operator {
  const [operator, account, system] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createAccount()];
  const accountJwt = (key: KeyPair, limits: object): string =>
    sign(operator, key, { type: "account", limits: { ...UNLIMITED, ...limits } });
  const config = `
    operator: ${sign(operator, operator, { type: "operator" })}
    system_account: ${system.getPublicKey()}
    authorization { timeout: 30 }
    resolver: MEMORY
    resolver_preload: {
      ${account.getPublicKey()}: ${accountJwt(account, JETSTREAM)}
      ${system.getPublicKey()}: ${accountJwt(system, {})}
    }`;
  const credentials = (expires?: Date): string => {
    const user = nkeys.createUser();
    const jwt = sign(
      account,
      user,
      { type: "user", pub: {}, sub: {}, subs: -1, data: -1, payload: -1 },
      expires,
    );
    return [
      "-----BEGIN NATS USER JWT-----",
      jwt,
      "------END NATS USER JWT------",
      "",
      "-----BEGIN USER NKEY SEED-----",
      Buffer.from(user.getSeed()).toString("latin1"),
      "------END USER NKEY SEED------",
      "",
    ].join("\n");
  };
  return { config, credentials };
}

/** A JWT of NATS's second version (ADR-14). */
function sign(issuer: KeyPair, subject: KeyPair, nats: object, expires?: Date): string {
  const claims = {
    jti: "test",
    iat: Math.floor(systemClock.wallMs() / 1_000),
    ...(expires !== undefined && { exp: Math.ceil(expires.getTime() / 1_000) }),
    iss: issuer.getPublicKey(),
    sub: subject.getPublicKey(),
    name: "test",
    nats: { ...nats, version: 2 },
  };
  const text = [{ typ: "JWT", alg: "ed25519-nkey" }, claims]
    .map((part) => base64(JSON.stringify(part)))
    .join(".");
  return `${text}.${base64(issuer.sign(Buffer.from(text)))}`;
}

function base64(data: string | Uint8Array): string {
  return Buffer.from(data).toString("base64url");
}
