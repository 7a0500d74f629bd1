// SPDX-License-Identifier: Apache-2.0

/** A pod as Knative Serving 0.50 makes it and the API server (1.35) shows it to webhooks. */

export interface KnativePod {
  readonly metadata: Record<string, unknown> & {
    labels: Record<string, string>;
    annotations: Record<string, string>;
  };
  readonly spec: {
    containers: PodContainer[];
    initContainers?: PodContainer[];
    volumes?: Record<string, unknown>[];
    [key: string]: unknown;
  };
}

export interface PodContainer {
  name: string;
  env?: { name: string; value?: string; valueFrom?: unknown }[];
  ports?: { name?: string; containerPort: number; protocol?: string }[];
  [key: string]: unknown;
}

const NOW = "2026-11-20T10:00:00Z";
const SERVICE_ACCOUNT = {
  mountPath: "/var/run/secrets/kubernetes.io/serviceaccount",
  name: "kube-api-access-7kqvr",
  readOnly: true,
};

/**
 * The pod of `kn service create cart --port h2c:8080 --annotation perdure.dev/stateful=true`, after the webhook has
 * changed its Service.
 */
export function knativePod(): KnativePod {
  return {
    metadata: {
      generateName: "cart-00001-deployment-6c9f8d7b5-",
      creationTimestamp: null,
      annotations: {
        "client.knative.dev/updateTimestamp": NOW,
        "client.knative.dev/user-image": "dev.local/shopping-cart",
        "kubectl.kubernetes.io/default-container": "user-container",
        "perdure.dev/stateful": "true",
        "serving.knative.dev/creator": "admin",
      },
      labels: {
        app: "cart-00001",
        "perdure.dev/stateful": "true",
        "pod-template-hash": "6c9f8d7b5",
        "serving.knative.dev/configuration": "cart",
        "serving.knative.dev/configurationGeneration": "1",
        "serving.knative.dev/configurationUID": "5d0b9f7e-8a51-4f0d-9a43-93b3f3f5a001",
        "serving.knative.dev/revision": "cart-00001",
        "serving.knative.dev/revisionUID": "5d0b9f7e-8a51-4f0d-9a43-93b3f3f5a002",
        "serving.knative.dev/service": "cart",
        "serving.knative.dev/serviceUID": "5d0b9f7e-8a51-4f0d-9a43-93b3f3f5a003",
      },
      ownerReferences: [
        {
          apiVersion: "apps/v1",
          kind: "ReplicaSet",
          name: "cart-00001-deployment-6c9f8d7b5",
          uid: "5d0b9f7e-8a51-4f0d-9a43-93b3f3f5a004",
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      containers: [userContainer(), queueProxy()],
      volumes: [
        {
          name: "kube-api-access-7kqvr",
          projected: {
            defaultMode: 420,
            sources: [{ serviceAccountToken: { expirationSeconds: 3607, path: "token" } }],
          },
        },
      ],
      dnsPolicy: "ClusterFirst",
      enableServiceLinks: false,
      restartPolicy: "Always",
      schedulerName: "default-scheduler",
      securityContext: {},
      serviceAccountName: "default",
      terminationGracePeriodSeconds: 300,
    },
  };
}

function userContainer(): PodContainer {
  return {
    name: "user-container",
    image: "dev.local/shopping-cart",
    imagePullPolicy: "Always",
    env: [
      { name: "PORT", value: "8080" },
      { name: "K_REVISION", value: "cart-00001" },
      { name: "K_CONFIGURATION", value: "cart" },
      { name: "K_SERVICE", value: "cart" },
    ],
    lifecycle: { preStop: { httpGet: { path: "/wait-for-drain", port: 8022, scheme: "HTTP" } } },
    ports: [{ containerPort: 8080, name: "user-port", protocol: "TCP" }],
    resources: {},
    securityContext: { seccompProfile: { type: "RuntimeDefault" } },
    terminationMessagePath: "/dev/termination-log",
    terminationMessagePolicy: "FallbackToLogsOnError",
    volumeMounts: [SERVICE_ACCOUNT],
  };
}

function queueProxy(): PodContainer {
  return {
    name: "queue-proxy",
    image: "dev.local/serving-queue:1",
    imagePullPolicy: "IfNotPresent",
    env: [
      { name: "SERVING_NAMESPACE", value: "default" },
      { name: "SERVING_SERVICE", value: "cart" },
      { name: "SERVING_CONFIGURATION", value: "cart" },
      { name: "SERVING_REVISION", value: "cart-00001" },
      { name: "QUEUE_SERVING_PORT", value: "8013" },
      { name: "QUEUE_SERVING_TLS_PORT", value: "8112" },
      { name: "CONTAINER_CONCURRENCY", value: "0" },
      { name: "REVISION_TIMEOUT_SECONDS", value: "300" },
      { name: "REVISION_RESPONSE_START_TIMEOUT_SECONDS", value: "0" },
      { name: "REVISION_IDLE_TIMEOUT_SECONDS", value: "0" },
      { name: "SERVING_POD", valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: "metadata.name" } } },
      { name: "SERVING_POD_IP", valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: "status.podIP" } } },
      { name: "SERVING_LOGGING_CONFIG" },
      { name: "SERVING_LOGGING_LEVEL" },
      { name: "USER_PORT", value: "8080" },
      { name: "SYSTEM_NAMESPACE", value: "knative-serving" },
      {
        name: "SERVING_READINESS_PROBE",
        value: '{"tcpSocket":{"port":8080,"host":"127.0.0.1"},"successThreshold":1}',
      },
      { name: "HOST_IP", valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: "status.hostIP" } } },
      { name: "ENABLE_HTTP2_AUTO_DETECTION", value: "false" },
      { name: "ENABLE_HTTP_FULL_DUPLEX", value: "false" },
      { name: "ROOT_CA" },
      { name: "QUEUE_PROXY_TLS_MIN_VERSION" },
      { name: "QUEUE_PROXY_TLS_MAX_VERSION" },
      { name: "QUEUE_PROXY_TLS_CIPHER_SUITES" },
      { name: "QUEUE_PROXY_TLS_CURVE_PREFERENCES" },
      { name: "ENABLE_MULTI_CONTAINER_PROBES", value: "false" },
      { name: "OBSERVABILITY_CONFIG", value: '{"tracing":{},"metrics":{},"runtime":{}}' },
    ],
    ports: [
      { containerPort: 9090, name: "http-autometric", protocol: "TCP" },
      { containerPort: 9091, name: "http-usermetric", protocol: "TCP" },
      { containerPort: 8013, name: "h2c", protocol: "TCP" },
      { containerPort: 8112, name: "https-port", protocol: "TCP" },
    ],
    readinessProbe: {
      failureThreshold: 3,
      httpGet: {
        httpHeaders: [{ name: "K-Network-Probe", value: "queue" }],
        path: "/",
        port: 8013,
        scheme: "HTTP",
      },
      periodSeconds: 10,
      successThreshold: 1,
      timeoutSeconds: 1,
    },
    resources: { requests: { cpu: "25m" } },
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      seccompProfile: { type: "RuntimeDefault" },
    },
    terminationMessagePath: "/dev/termination-log",
    terminationMessagePolicy: "File",
    volumeMounts: [SERVICE_ACCOUNT],
  };
}
