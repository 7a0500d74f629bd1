// SPDX-License-Identifier: Apache-2.0

/** What there is to know of a kind of log before one is opened. */
interface LogKind {
  /** Whether it is in servers of its own, which may start later than the proxy. */
  readonly isElsewhere: boolean;
  /** The forms of its address, for those who wrote another. */
  readonly forms: string;
  /** The same for the help of `--log`. */
  readonly help: string;
}

/** Every kind of log, the default first. Addresses and the texts about them follow from this list. */
export const LOG_KINDS = {
  sqlite: {
    isElsewhere: false,
    forms: "sqlite:PATH (a file, relative or absolute; sqlite:.perdure/log.db)",
    help: "`sqlite:PATH` (durable, one process)",
  },
  nats: {
    isElsewhere: true,
    forms:
      "nats://HOST:PORT/PREFIX or tls://HOST:PORT/PREFIX (NATS JetStream 2.12 or newer; nats://localhost:4222)",
    help: "`nats://HOST:PORT/PREFIX` (JetStream, any number of processes; several servers with commas between them; `tls://` demands TLS)",
  },
  memory: {
    isElsewhere: false,
    forms: "memory: (ends with the process)",
    help: "`memory:` (lost at the end, for tests)",
  },
} as const satisfies Readonly<Record<string, LogKind>>;

/** The forms of all addresses. */
export const LOG_FORMS: string = Object.values(LOG_KINDS)
  .map(({ forms }) => forms)
  .join(", ");

/** The help of all addresses. */
export const LOG_HELP: string = either(Object.values(LOG_KINDS).map(({ help }) => help));

function either(texts: readonly string[]): string {
  return `${texts.slice(0, -1).join(", ")} or ${texts.at(-1) ?? ""}`;
}
