// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { clusterObjects, isDefinition, localImage } from "./manifests.ts";

const YAML = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: activator, namespace: knative-serving}
spec:
  strategy: {type: RollingUpdate}
  template:
    metadata: {labels: {app: activator}}
    spec:
      affinity: {podAntiAffinity: {}}
      terminationGracePeriodSeconds: 600
      containers:
      - name: activator
        image: ko://knative.dev/serving/cmd/activator
        resources: {limits: {cpu: 1000m}}
        lifecycle: {preStop: {exec: {command: [/bin/sh]}}}
        readinessProbe: {httpGet: {port: 8012}, periodSeconds: 5, failureThreshold: 5}
        livenessProbe: {httpGet: {port: 8012}, initialDelaySeconds: 15}
        env:
        - {name: IMAGE, valueFrom: {configMapKeyRef: {name: eventing-transformations-images, key: x}}}
        - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
---
# nothing but a comment
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: activator, namespace: knative-serving}
---
apiVersion: v1
kind: Service
metadata: {name: kourier, namespace: kourier-system}
spec:
  type: LoadBalancer
  ports: [{name: http2, port: 80}, {name: https, port: 443}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: config-autoscaler, namespace: knative-serving}
data: {_example: text}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: config-deployment, namespace: knative-serving}
data: {queue-sidecar-image: "ko://knative.dev/serving/cmd/queue"}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: services.serving.knative.dev}
---
apiVersion: v1
kind: Namespace
metadata: {name: knative-serving}
`;

test("objects come in the order in which they can be created, without what one node has no use for", (t) => {
  const objects = clusterObjects(YAML);
  t.deepEqual(
    objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`),
    [
      "Namespace/knative-serving",
      "CustomResourceDefinition/services.serving.knative.dev",
      "ConfigMap/config-autoscaler",
      "ConfigMap/config-deployment",
      "Service/kourier",
      "Deployment/activator",
    ],
  );
  t.is(objects.filter(isDefinition).length, 2);
});

test("a deployment becomes one small pod of an image of ours that is soon ready and soon gone", (t) => {
  const deployment = clusterObjects(YAML).find(({ kind }) => kind === "Deployment");
  t.deepEqual(deployment?.spec, {
    replicas: 1,
    template: {
      metadata: { labels: { app: "activator" } },
      spec: {
        terminationGracePeriodSeconds: 5,
        containers: [
          {
            name: "activator",
            image: "dev.local/serving-activator:1",
            imagePullPolicy: "IfNotPresent",
            resources: { requests: { cpu: "10m", memory: "20Mi" } },
            readinessProbe: {
              httpGet: { port: 8012 },
              periodSeconds: 1,
              initialDelaySeconds: 0,
              failureThreshold: 60,
            },
            livenessProbe: { httpGet: { port: 8012 }, initialDelaySeconds: 60 },
            env: [
              { name: "IMAGE", value: "dev.local/none:1" },
              { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
            ],
          },
        ],
      },
    },
  });
});

test("the gateway has a port of the node, and settings are added to those of Knative", (t) => {
  const objects = clusterObjects(YAML);
  const named = (name: string) => objects.find(({ metadata }) => metadata.name === name);
  t.deepEqual(named("kourier")?.spec, {
    type: "NodePort",
    ports: [
      { name: "http2", port: 80, nodePort: 31080 },
      { name: "https", port: 443 },
    ],
  });
  t.deepEqual(named("config-autoscaler")?.data, {
    _example: "text",
    "stable-window": "10s",
    "scale-to-zero-grace-period": "6s",
  });
  t.deepEqual(named("config-deployment")?.data, { "queue-sidecar-image": "dev.local/serving-queue:1" });
});

test("images of Knative and Envoy are ours, others stay what they are", (t) => {
  t.is(localImage("ko://knative.dev/eventing/cmd/broker/ingress"), "dev.local/eventing-broker-ingress:1");
  t.is(localImage("ko://knative.dev/net-kourier/cmd/kourier"), "dev.local/kourier:1");
  t.is(localImage("docker.io/envoyproxy/envoy:v1.34-latest"), "dev.local/envoy:1");
  t.is(localImage("registry.example.test/app:2"), "registry.example.test/app:2");
});
