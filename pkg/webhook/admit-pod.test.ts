// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import type { JsonObject } from "../k8s/mod.ts";
import { proxyOptions } from "../proxy/mod.ts";

import { admitPod } from "./admit-pod.ts";
import { readConfiguration } from "./configuration.ts";
import type { Decision } from "./decision.ts";
import { applied, CONFIGURATION, codes } from "./testdata/apply.ts";
import type { KnativePod, PodContainer } from "./testdata/knative-pod.ts";
import { knativePod } from "./testdata/knative-pod.ts";

const SECRET = "secret-of-the-pod";
const OURS = { path: "/readyz", port: 9010, host: "127.0.0.1", scheme: "HTTP" };

const NATS = "nats://nats.perdure-system.svc:4222";

function admit(pod: KnativePod, namespace = "default"): Decision {
  return admitPod(pod as unknown as JsonObject, namespace, CONFIGURATION, () => SECRET);
}

function containerOf(pod: KnativePod, name: string): PodContainer {
  const found = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].find(
    (each) => each.name === name,
  );
  if (found === undefined) throw new Error(`no container ${name}`);
  return found;
}

function envOf(pod: KnativePod, container: string): Record<string, string | undefined> {
  return Object.fromEntries((containerOf(pod, container).env ?? []).map(({ name, value }) => [name, value]));
}

function setEnv(pod: KnativePod, name: string, value: string): void {
  for (const each of containerOf(pod, "queue-proxy").env ?? []) if (each.name === name) each.value = value;
}

const PROXY_ENV = [
  { name: "K_SERVICE", value: "cart" },
  { name: "K_CONFIGURATION", value: "cart" },
  { name: "K_REVISION", value: "cart-00001" },
  { name: "HTTP_HOST", value: "127.0.0.1" },
  { name: "HTTP_PORT", value: "9000" },
  { name: "ADMIN_PORT", value: "9010" },
  { name: "USER_FUNCTION_PORT", value: "8080" },
  { name: "PERDURE_LOG", value: "nats://nats.perdure-system.svc:4222/default_cart" },
  { name: "PERDURE_CLUSTER", value: "on" },
  { name: "PERDURE_LOG_START_TIMEOUT_MS", value: "45000" },
  { name: "PERDURE_START_TIMEOUT_MS", value: "45000" },
  { name: "PERDURE_TERMINATION_MESSAGE_FILE", value: "/dev/termination-log" },
  { name: "NATS_SECRET_DIR", value: "/var/run/secrets/perdure.dev/nats" },
  { name: "NODE_OPTIONS", value: "--max-semi-space-size=2" },
  { name: "PERDURE_MAX_CONFLICT_RETRIES", value: "1000" },
  { name: "PERDURE_DRAIN_WAIT_URL", value: "http://127.0.0.1:8022/wait-for-drain" },
  { name: "PERDURE_DRAIN_SECRET", value: SECRET },
  { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
  { name: "POD_NAMESPACE", valueFrom: { fieldRef: { fieldPath: "metadata.namespace" } } },
  { name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
  { name: "PERDURE_LOG_DURABILITY", value: "strict" },
];

test("the proxy stands between queue-proxy and the user function, as a container without rights", (t) => {
  const pod = knativePod();
  const result = applied(pod, admit(pod));
  t.is(result.spec.initContainers, undefined);
  t.deepEqual(result.spec.containers.slice(2), [
    {
      name: "perdure-proxy",
      image: "dev.local/perdure-proxy:dev",
      env: PROXY_ENV,
      ports: [{ name: "perdure-admin", containerPort: 9010, protocol: "TCP" }],
      resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { memory: "512Mi" } },
      securityContext: {
        allowPrivilegeEscalation: false,
        capabilities: { drop: ["ALL"] },
        readOnlyRootFilesystem: true,
        runAsNonRoot: true,
        seccompProfile: { type: "RuntimeDefault" },
      },
      livenessProbe: {
        httpGet: { path: "/livez", port: 9010 },
        periodSeconds: 10,
        timeoutSeconds: 5,
        failureThreshold: 6,
      },
      lifecycle: {
        preStop: {
          httpGet: {
            path: "/drain",
            port: 9010,
            httpHeaders: [{ name: "perdure-drain-secret", value: SECRET }],
          },
        },
      },
      terminationMessagePath: "/dev/termination-log",
      terminationMessagePolicy: "FallbackToLogsOnError",
      volumeMounts: [
        { name: "perdure-nats", mountPath: "/var/run/secrets/perdure.dev/nats", readOnly: true },
      ],
    },
  ]);
  t.deepEqual(result.spec.volumes?.at(-1), {
    name: "perdure-nats",
    secret: { secretName: "perdure-nats", optional: true },
  });
  const queueProxy = envOf(result, "queue-proxy");
  t.is(queueProxy["USER_PORT"], "9000");
  t.deepEqual(JSON.parse(queueProxy["SERVING_READINESS_PROBE"] ?? ""), {
    httpGet: OURS,
    successThreshold: 1,
  });
  t.is(queueProxy["ENABLE_MULTI_CONTAINER_PROBES"], "false");
});

test("nothing else of the pod changes", (t) => {
  const pod = knativePod();
  const result = applied(pod, admit(pod));
  result.spec.containers.pop();
  result.spec.volumes?.pop();
  setEnv(result, "USER_PORT", "8080");
  setEnv(result, "SERVING_READINESS_PROBE", envOf(pod, "queue-proxy")["SERVING_READINESS_PROBE"] ?? "");
  t.deepEqual(result, pod);
});

test("a pod that is not stateful, has no queue-proxy or has the proxy already passes unchanged", (t) => {
  const plain = knativePod();
  delete plain.metadata.labels["perdure.dev/stateful"];
  const dryRun = knativePod();
  dryRun.spec.containers.pop();
  const injected = applied(knativePod(), admit(knativePod()));
  const byOlder = knativePod();
  const env = [{ name: "PERDURE_LOG", value: `${NATS}/default_cart` }];
  byOlder.spec.initContainers = [{ name: "perdure-proxy", restartPolicy: "Always", env }];
  for (const pod of [plain, dryRun, injected, byOlder, { metadata: {}, spec: {} } as KnativePod]) {
    t.deepEqual(admit(pod), { kind: "allow", patch: [], warnings: [] });
  }
});

test("annotations choose log, image, resources, port and what the proxy is told", (t) => {
  const pod = knativePod();
  Object.assign(pod.metadata.annotations, {
    "perdure.dev/log": "tls://other:4222/default_cart_shop",
    "perdure.dev/durability": "relaxed",
    "perdure.dev/log-replicas": "3",
    "perdure.dev/passivation-timeout": "1m30s",
    "perdure.dev/user-function-port": "8088",
    "perdure.dev/start-timeout": "2m",
    "perdure.dev/nats-secret": "shop-nats",
    "perdure.dev/proxy-image": "dev.local/perdure-proxy:other",
    "perdure.dev/proxy-cpu": "1",
    "perdure.dev/proxy-cpu-limit": "2",
    "perdure.dev/proxy-memory": "1Gi",
    "perdure.dev/log-level": "debug",
  });
  const result = applied(pod, admit(pod));
  const proxy = containerOf(result, "perdure-proxy");
  t.like(envOf(result, "perdure-proxy"), {
    PERDURE_LOG: "tls://other:4222/default_cart_shop",
    PERDURE_LOG_DURABILITY: "relaxed",
    PERDURE_LOG_REPLICAS: "3",
    PERDURE_PASSIVATION_TIMEOUT_MS: "90000",
    PERDURE_LOG_LEVEL: "debug",
    USER_FUNCTION_PORT: "8088",
    PERDURE_START_TIMEOUT_MS: "120000",
    PERDURE_LOG_START_TIMEOUT_MS: "120000",
  });
  t.is(proxy["image"], "dev.local/perdure-proxy:other");
  t.deepEqual(
    proxy["resources"],
    { requests: { cpu: "1", memory: "1Gi" }, limits: { cpu: "2", memory: "1Gi" } },
    "the limit of everybody is not below what one asks for",
  );
  t.deepEqual(result.spec.volumes?.at(-1), {
    name: "perdure-nats",
    secret: { secretName: "shop-nats", optional: true },
  });
});

test("pods share their entities if their log can be shared, and say which part is for their revision", (t) => {
  const proxyEnv = (annotations: Readonly<Record<string, string>>) => {
    const pod = knativePod();
    Object.assign(pod.metadata.annotations, annotations);
    return envOf(applied(pod, admit(pod)), "perdure-proxy");
  };
  const usual = proxyEnv({});
  t.like(usual, { PERDURE_CLUSTER: "on", PERDURE_TRAFFIC_SHARE: undefined });
  t.like(proxyEnv({ "perdure.dev/traffic-share": "10" }), { PERDURE_TRAFFIC_SHARE: "10" });
  const inMemory = proxyEnv({ "perdure.dev/log": "memory:" });
  t.like(inMemory, { PERDURE_LOG: "memory:", PERDURE_CLUSTER: "off" });
  for (const env of [usual, inMemory]) t.notThrows(() => proxyOptions({}, env));
});

/** OpenTelemetry's variables of a pod's proxy. */
function otelOf(
  data: Readonly<Record<string, string>>,
  annotations: Readonly<Record<string, string>>,
): Readonly<Record<string, string | undefined>> {
  const pod = knativePod();
  Object.assign(pod.metadata.annotations, annotations);
  const configuration = readConfiguration({ "proxy-image": "dev.local/perdure-proxy:dev", ...data });
  const decision = admitPod(pod as unknown as JsonObject, "default", configuration, () => SECRET);
  const env = Object.entries(envOf(applied(pod, decision), "perdure-proxy"));
  return Object.fromEntries(env.filter(([name]) => name.startsWith("OTEL_")));
}

test("the proxy of a pod traces to where config-perdure says, unless the service says something else", (t) => {
  const traced = {
    "otel-exporter-otlp-endpoint": "http://jaeger.observability:4317",
    "otel-traces-sampler": "parentbased_traceidratio",
    "otel-traces-sampler-arg": "0.01",
  };
  t.deepEqual(otelOf(traced, {}), {
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://jaeger.observability:4317",
    OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
    OTEL_TRACES_SAMPLER_ARG: "0.01",
  });
  const otelWith = (key: string, value: string) => otelOf(traced, { [`perdure.dev/${key}`]: value });
  t.like(otelWith("otel-exporter-otlp-endpoint", ""), { OTEL_EXPORTER_OTLP_ENDPOINT: "" });
  t.like(otelWith("otel-traces-sampler", "always_on"), { OTEL_TRACES_SAMPLER: "always_on" });
});

test("the proxy of a pod sends metrics to the same place if it is told to, and nowhere without a place", (t) => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector.observability:4317" };
  const collector = { "otel-exporter-otlp-endpoint": endpoint.OTEL_EXPORTER_OTLP_ENDPOINT };
  const sent = { ...collector, "otel-metrics-exporter": "otlp" };
  const own = { "perdure.dev/otel-metrics-exporter": "otlp" };
  t.deepEqual(otelOf(sent, {}), { ...endpoint, OTEL_METRICS_EXPORTER: "otlp" });
  t.deepEqual(otelOf(collector, own), { ...endpoint, OTEL_METRICS_EXPORTER: "otlp" });
  t.like(otelOf(sent, { "perdure.dev/otel-metrics-exporter": "none" }), { OTEL_METRICS_EXPORTER: "none" });
  t.deepEqual(otelOf({}, own), {});
  t.deepEqual(otelOf(sent, { "perdure.dev/otel-exporter-otlp-endpoint": "" }), {
    OTEL_EXPORTER_OTLP_ENDPOINT: "",
  });
});

test("the log of a pod is one of the namespace that the request is about, whatever the pod says", (t) => {
  const logOf = (pod: KnativePod, namespace: string) =>
    envOf(applied(pod, admit(pod, namespace)), "perdure-proxy")["PERDURE_LOG"];
  t.is(logOf(knativePod(), "bank"), `${NATS}/bank_cart`);
  const lying = knativePod();
  lying.metadata["namespace"] = "default";
  t.is(logOf(lying, "bank"), `${NATS}/bank_cart`);
  lying.metadata.annotations["perdure.dev/log"] = NATS;
  t.is(logOf(lying, "bank"), `${NATS}/bank_cart`);
  lying.metadata.annotations["perdure.dev/log"] = `${NATS}/default_cart`;
  t.deepEqual(codes(admit(lying, "bank")), ["LOG_OF_ANOTHER"]);
  lying.metadata.annotations["perdure.dev/confirm-log"] = `${NATS}/default_cart`;
  t.deepEqual(codes(admit(lying, "bank")), ["LOG_OF_ANOTHER"]);
});

test("a proxy that is in the pod already is left there only if it has the log that the pod may have", (t) => {
  for (const value of [`${NATS}/bank_cart`, undefined]) {
    const pod = applied(knativePod(), admit(knativePod()));
    for (const each of containerOf(pod, "perdure-proxy").env ?? []) {
      if (each.name !== "PERDURE_LOG") continue;
      if (value === undefined) delete each.value;
      else each.value = value;
    }
    t.true(codes(admit(pod)).includes("NAME_TAKEN"));
  }
  const twice = applied(knativePod(), admit(knativePod()));
  containerOf(twice, "perdure-proxy").env?.push({ name: "PERDURE_LOG", value: `${NATS}/bank_cart` });
  t.true(codes(admit(twice)).includes("NAME_TAKEN"));
});

test("a text in which there is much JSON is not read", (t) => {
  const pod = knativePod();
  setEnv(pod, "ENABLE_MULTI_CONTAINER_PROBES", "true");
  setEnv(pod, "SERVING_READINESS_PROBE", `[${"{},".repeat(100_000)}{}]`);
  t.deepEqual(codes(admit(pod)), ["UNKNOWN_POD"]);
});

test("the user's own probe is asked beside ours", (t) => {
  const theirs = {
    httpGet: { path: "/health", port: 8080, host: "127.0.0.1", scheme: "HTTP" },
    periodSeconds: 5,
    timeoutSeconds: 1,
  };
  const pod = knativePod();
  setEnv(pod, "SERVING_READINESS_PROBE", JSON.stringify(theirs));
  const env = envOf(applied(pod, admit(pod)), "queue-proxy");
  t.is(env["ENABLE_MULTI_CONTAINER_PROBES"], "true");
  t.deepEqual(JSON.parse(env["SERVING_READINESS_PROBE"] ?? ""), [
    { httpGet: OURS, successThreshold: 1 },
    theirs,
  ]);
});

test("a probe that only asks whether the port is open gives its timing to ours", (t) => {
  const pod = knativePod();
  setEnv(
    pod,
    "SERVING_READINESS_PROBE",
    JSON.stringify({ tcpSocket: { port: 8080, host: "127.0.0.1" }, periodSeconds: 3, timeoutSeconds: 2 }),
  );
  t.deepEqual(JSON.parse(envOf(applied(pod, admit(pod)), "queue-proxy")["SERVING_READINESS_PROBE"] ?? ""), {
    httpGet: OURS,
    periodSeconds: 3,
    timeoutSeconds: 2,
  });
});

test("where Knative lists the probes of all containers, ours takes the first place", (t) => {
  const pod = knativePod();
  const other = { tcpSocket: { port: 7000, host: "127.0.0.1" }, periodSeconds: 10, timeoutSeconds: 1 };
  setEnv(pod, "ENABLE_MULTI_CONTAINER_PROBES", "true");
  for (const first of [null, { tcpSocket: { port: 8080, host: "127.0.0.1" }, successThreshold: 1 }]) {
    setEnv(pod, "SERVING_READINESS_PROBE", JSON.stringify([first, other]));
    t.deepEqual(JSON.parse(envOf(applied(pod, admit(pod)), "queue-proxy")["SERVING_READINESS_PROBE"] ?? ""), [
      { httpGet: OURS, successThreshold: 1 },
      other,
    ]);
  }
});

test("a queue-proxy that knows one probe only is asked ours, with a warning", (t) => {
  const pod = knativePod();
  const queueProxy = containerOf(pod, "queue-proxy");
  queueProxy.env = queueProxy.env?.filter(({ name }) => name !== "ENABLE_MULTI_CONTAINER_PROBES") ?? [];
  setEnv(pod, "SERVING_READINESS_PROBE", JSON.stringify({ grpc: { port: 8080 }, periodSeconds: 5 }));
  const decision = admit(pod);
  t.is(decision.kind === "allow" ? decision.warnings.length : 0, 1);
  const env = envOf(applied(pod, decision), "queue-proxy");
  t.deepEqual(JSON.parse(env["SERVING_READINESS_PROBE"] ?? ""), { httpGet: OURS, successThreshold: 1 });
});

test("an empty probe becomes ours", (t) => {
  const pod = knativePod();
  for (const each of containerOf(pod, "queue-proxy").env ?? []) {
    if (each.name === "SERVING_READINESS_PROBE") delete each.value;
  }
  const env = envOf(applied(pod, admit(pod)), "queue-proxy");
  t.deepEqual(JSON.parse(env["SERVING_READINESS_PROBE"] ?? ""), { httpGet: OURS, successThreshold: 1 });
});

test("liveness and startup probes that go through queue-proxy are brought back to the user's port", (t) => {
  const pod = knativePod();
  const user = containerOf(pod, "user-container");
  user["livenessProbe"] = { httpGet: { path: "/live", port: 8012 }, periodSeconds: 10 };
  user["startupProbe"] = { tcpSocket: { port: 8080 } };
  const result = containerOf(applied(pod, admit(pod)), "user-container");
  t.deepEqual(result["livenessProbe"], { httpGet: { path: "/live", port: 8080 }, periodSeconds: 10 });
  t.deepEqual(result["startupProbe"], user["startupProbe"]);
});

test("of several containers the one with the port serves", (t) => {
  const pod = knativePod();
  const user = containerOf(pod, "user-container");
  pod.spec.containers.unshift({ ...structuredClone(user), name: "helper", ports: [] });
  user.ports = [{ name: "user-port", containerPort: 8081 }];
  t.is(envOf(applied(pod, admit(pod)), "perdure-proxy")["USER_FUNCTION_PORT"], "8081");
  delete user.ports;
  t.deepEqual(codes(admit(pod)), ["UNKNOWN_POD"]);
  pod.spec.containers.shift();
  t.is(
    envOf(applied(pod, admit(pod)), "perdure-proxy")["USER_FUNCTION_PORT"],
    "8080",
    "alone it needs no port",
  );
});

test("containers and volumes of the pod stay before ours, a missing list is made", (t) => {
  const pod = knativePod();
  delete pod.spec.volumes;
  const result = applied(pod, admit(pod));
  t.is(result.spec.volumes?.length, 1);
  t.deepEqual(
    result.spec.containers.map(({ name }) => name),
    ["user-container", "queue-proxy", "perdure-proxy"],
  );
});

test("a pod that is not as Knative makes it is refused rather than made by halves", (t) => {
  const withoutPort = knativePod();
  const queueProxy = containerOf(withoutPort, "queue-proxy");
  queueProxy.env = queueProxy.env?.filter(({ name }) => name !== "USER_PORT") ?? [];
  t.deepEqual(codes(admit(withoutPort)), ["UNKNOWN_POD"]);
  const unreadable = knativePod();
  for (const text of ["{", "[]", "7"]) {
    setEnv(unreadable, "SERVING_READINESS_PROBE", text);
    t.deepEqual(codes(admit(unreadable)), ["UNKNOWN_POD"], text);
  }
  const ownerless = knativePod();
  delete ownerless.metadata.labels["serving.knative.dev/service"];
  t.deepEqual(codes(admit(ownerless)), ["NOT_A_SERVICE"]);
  const taken = knativePod();
  containerOf(taken, "user-container").ports = [{ name: "user-port", containerPort: 9000 }];
  t.deepEqual(codes(admit(taken)), ["PORT_TAKEN"]);
  const named = knativePod();
  named.spec.containers.push({ name: "perdure-proxy" });
  t.deepEqual(codes(admit(named)), ["NAME_TAKEN"], "not taken for ours");
  const annotated = knativePod();
  annotated.metadata.annotations["perdure.dev/durability"] = "much";
  t.deepEqual(codes(admit(annotated)), ["BAD_ANNOTATION"]);
  const invalid = { kind: "invalid", problem: "nats-url makes no sense" } as const;
  t.deepEqual(codes(admitPod(knativePod() as unknown as JsonObject, "default", invalid, () => SECRET)), [
    "BAD_CONFIGURATION",
  ]);
});

test("whatever a pod looks like, the decision is made, is deterministic and idempotent", (t) => {
  const hostile = fc.oneof(fc.constant(undefined), fc.jsonValue());
  const changes = fc.record({
    place: fc.constantFrom("containers", "initContainers", "volumes"),
    index: fc.nat({ max: 2 }),
    key: fc.constantFrom("name", "env", "ports", "livenessProbe"),
    value: hostile,
  });
  const property = fc.property(fc.array(changes, { maxLength: 4 }), (list) => {
    const pod = knativePod();
    for (const { place, index, key, value } of list) {
      const item = pod.spec[place as "volumes"]?.[index];
      if (item === undefined) continue;
      if (value === undefined) delete item[key];
      else item[key] = value;
    }
    const decision = admit(pod);
    t.deepEqual(admit(pod), decision);
    if (decision.kind === "deny") return;
    const again = admit(applied(pod, decision));
    t.deepEqual(again.kind === "allow" ? again.patch : codes(again), []);
  });
  fc.assert(property, { numRuns: 1_000 });
});
