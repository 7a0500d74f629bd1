// SPDX-License-Identifier: Apache-2.0

import type { SettingGroup } from "../settings/mod.ts";
import {
  choice,
  DAY_MS,
  httpUrl,
  MINUTE_MS,
  milliseconds,
  named,
  number,
  port,
  setting,
  text,
  textThat,
  withoutRepeats,
} from "../settings/mod.ts";

import { CLUSTER_SETTINGS, FORWARD_SETTINGS, MEMBER_SETTINGS } from "../cluster/settings.ts";
import { ENDPOINT_SETTINGS } from "../endpoint/settings.ts";
import {
  CALL_SETTINGS,
  EFFECT_SETTINGS,
  ENTITY_SETTINGS,
  LINEAGE_SETTINGS,
  STATEFUL_SETTINGS,
} from "../entity/settings.ts";
import {
  JETSTREAM_LOG_SETTINGS,
  LOG_ADDRESS_SETTINGS,
  MEMORY_LOG_SETTINGS,
  SQLITE_LOG_SETTINGS,
} from "../eventlog/settings.ts";
import { NATS_SETTINGS } from "../nats/settings.ts";
import { ENTITY_ID_SETTINGS, ROUTER_SETTINGS } from "../router/settings.ts";
import { LOGGER_SETTINGS, METRIC_PUSH_SETTINGS, TRACE_SETTINGS } from "../telemetry/settings.ts";
import { USER_FUNCTION_SETTINGS } from "../userfunction/settings.ts";

/** How long the proxy tries to start, and where it says why it could not. */
const START_SETTINGS = named({
  startTimeoutMs: milliseconds(0, {
    range: [0, DAY_MS],
    help: "How long the proxy waits at its start for a user function that it can serve, before it ends with exit code 1 and says why; one that it refuses ends it at once. After it has served once it stays. 0: it waits for ever, and no user function ends it. In a pod of Knative the webhook sets it, so that `kn` shows the reason.",
  }),
  terminationMessageFile: text("", {
    help: "File that gets the reason, up to 4,096 bytes, when the proxy ends because it cannot start. In a pod of Knative the webhook sets it to `/dev/termination-log`, which Kubernetes shows in the pod's status.",
  }),
});

const LOG_START_SETTINGS = named({
  logStartTimeoutMs: milliseconds(5 * MINUTE_MS, {
    range: [0, DAY_MS],
    help: "How long the proxy waits at its start for a NATS server that is not there yet, before it ends with exit code 1.",
  }),
});

/** The port of probes. */
export const ADMIN_PORT_SETTINGS = named({
  adminPort: port(9_010, {
    env: "ADMIN_PORT",
    help: "Port of `/livez`, `/readyz`, `/metrics`, `/inspect`, `/shards`, `/log/level` and `/drain`.",
  }),
  adminHost: text("0.0.0.0", { env: "ADMIN_HOST", help: "Address that the admin port is bound to." }),
  adminMaxConnections: number(1_000, "connections", [1, 10_000], {
    help: "Open connections to the admin port. A further one takes the place of the one idle longest, of the address with most of them.",
  }),
  adminRequestTimeoutMs: milliseconds(5_000, {
    help: "From the opening of a connection to the admin port, or the first byte of a request, to its last byte.",
  }),
  adminIdleTimeoutMs: milliseconds(15_000, {
    help: "Time without a request after which a connection to the admin port is closed.",
  }),
  adminMaxRequests: number(1_000, "requests", [1, 1_000_000], {
    help: "Requests on one connection to the admin port, after which it is closed.",
  }),
});

/** Who reads the metrics. */
const METRICS_SETTINGS = named({
  metrics: choice("loopback", ["loopback", "pod", "off"], {
    help: "Who may read `/metrics` of the admin port: programs on the loopback interface only; with `pod` whoever reaches the port, as Prometheus by the address of the pod, but no web page; with `off` nobody, and nothing is counted.",
  }),
});

/** Long enough that nobody guesses it, and valid as the value of a header. */
const secret = {
  ...textThat(
    (text) => /^(?:[\x21-\x7e]{16,256})?$/.test(text),
    "16 to 256 printable characters of ASCII without blanks",
    "16 to 256 characters without blanks",
  ),
  isSecret: true,
};

/** How the proxy ends. */
export const DRAIN_SETTINGS = named({
  drainTimeoutMs: milliseconds(10_000, {
    range: [0, DAY_MS],
    help: "How long the proxy may take to end when it is told to stop. Running requests have nine tenths of it to finish, the rest is for what they used until then.",
  }),
  drainSecret: setting("", secret, {
    help: "What a caller of `/drain` or `/log/level` has to send in the header `perdure-drain-secret`; better given by the variable, because command lines are public. If empty, `/drain` is answered to a `POST` on the loopback interface only. In a pod of Knative the webhook makes one.",
  }),
  drainWaitUrl: setting("", httpUrl, {
    help: "Address that `/drain` requests, and waits for any answer of: what is in front of the proxy answers when no more requests come. In a pod of Knative queue-proxy's `/wait-for-drain`.",
  }),
  drainWaitTimeoutMs: milliseconds(10 * MINUTE_MS, { help: "How long `/drain` waits for that." }),
  drainAnswerTimeoutMs: milliseconds(10_000, {
    range: [0, DAY_MS],
    help: "How long `/drain` of the admin port then waits for entities to leave memory before it answers all the same.",
  }),
  drainResetTimeoutMs: milliseconds(15 * MINUTE_MS, {
    help: "Time after `/drain` in which the proxy is told to stop; if it is not, it is ready again. Longer than a pod is given to end.",
  }),
});

/** Logs of every kind. */
export const LOG_SETTINGS = {
  ...LOG_ADDRESS_SETTINGS,
  ...SQLITE_LOG_SETTINGS,
  ...MEMORY_LOG_SETTINGS,
  ...JETSTREAM_LOG_SETTINGS,
  ...LOG_START_SETTINGS,
  ...NATS_SETTINGS,
} as const;

/** Every setting of the proxy. Cloudstate's variables keep their names; most of ours begin with `PERDURE_`. */
export const PROXY_SETTINGS = {
  ...LOG_SETTINGS,
  ...START_SETTINGS,
  ...USER_FUNCTION_SETTINGS,
  ...ENTITY_SETTINGS,
  ...ROUTER_SETTINGS,
  ...MEMBER_SETTINGS,
  ...CLUSTER_SETTINGS,
  ...FORWARD_SETTINGS,
  ...ENDPOINT_SETTINGS,
  ...ADMIN_PORT_SETTINGS,
  ...METRICS_SETTINGS,
  ...DRAIN_SETTINGS,
  ...LOGGER_SETTINGS,
  ...TRACE_SETTINGS,
  ...METRIC_PUSH_SETTINGS,
} as const;

const { log, httpPort, httpHost, userFunctionHost, userFunctionPort } = PROXY_SETTINGS;
const { adminPort, passivationTimeoutMs, relayTimeoutMs, corsOrigins, logLevel } = PROXY_SETTINGS;

/** The settings that most proxies are given. */
const USUAL_SETTINGS = {
  log,
  httpPort,
  httpHost,
  userFunctionHost,
  userFunctionPort,
  adminPort,
  passivationTimeoutMs,
  relayTimeoutMs,
  corsOrigins,
  logLevel,
};

/** The same settings in groups, for people who read them; the usual ones come first. */
export const PROXY_SETTING_GROUPS: readonly SettingGroup[] = withoutRepeats([
  { title: "Usual settings", settings: USUAL_SETTINGS },
  { title: "Event log", settings: { ...SQLITE_LOG_SETTINGS, ...MEMORY_LOG_SETTINGS } },
  { title: "Event log on NATS", settings: LOG_SETTINGS },
  { title: "User function", settings: { ...START_SETTINGS, ...USER_FUNCTION_SETTINGS, ...CALL_SETTINGS } },
  { title: "Entities", settings: { ...STATEFUL_SETTINGS, ...ENTITY_ID_SETTINGS } },
  {
    title: "Forwards and side effects",
    settings: { ...LINEAGE_SETTINGS, ...ROUTER_SETTINGS, ...EFFECT_SETTINGS },
  },
  { title: "Several proxies", settings: { ...MEMBER_SETTINGS, ...CLUSTER_SETTINGS, ...FORWARD_SETTINGS } },
  { title: "Public port", settings: ENDPOINT_SETTINGS },
  { title: "Admin port", settings: { ...ADMIN_PORT_SETTINGS, ...METRICS_SETTINGS } },
  { title: "End of the proxy", settings: DRAIN_SETTINGS },
  { title: "Lines of the proxy's own log", settings: LOGGER_SETTINGS },
  { title: "Traces", settings: TRACE_SETTINGS },
  { title: "Metrics that are sent", settings: METRIC_PUSH_SETTINGS },
]);
