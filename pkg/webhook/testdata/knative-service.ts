// SPDX-License-Identifier: Apache-2.0

/** A Knative Service as kn 0.50 sends it, before Knative's own defaults. */

export interface KnativeService {
  readonly metadata: {
    name: string;
    namespace: string;
    annotations?: Record<string, string>;
    [key: string]: unknown;
  };
  readonly spec: {
    template: {
      metadata?: {
        name?: string;
        annotations?: Record<string, string>;
        labels?: Record<string, string>;
        creationTimestamp?: null;
      };
      spec: { containers: Record<string, unknown>[]; [key: string]: unknown };
    };
    [key: string]: unknown;
  };
}

/**
 * The Service of `kn service create cart --image dev.local/shopping-cart --port h2c:8080` with these `--annotation`s.
 */
export function knService(annotations: Readonly<Record<string, string>> = {}): KnativeService {
  const hasAny = Object.keys(annotations).length > 0;
  return {
    metadata: {
      name: "cart",
      namespace: "default",
      creationTimestamp: null,
      ...(hasAny && { annotations: { ...annotations } }),
    },
    spec: {
      template: {
        metadata: {
          annotations: {
            "client.knative.dev/updateTimestamp": "2026-11-20T10:00:00Z",
            "client.knative.dev/user-image": "dev.local/shopping-cart",
            ...annotations,
          },
          creationTimestamp: null,
        },
        spec: {
          containers: [
            {
              image: "dev.local/shopping-cart",
              name: "",
              ports: [{ containerPort: 8080, name: "h2c" }],
              resources: {},
            },
          ],
        },
      },
    },
  };
}

/** A manifest that a person wrote: annotations on the Service only, and a template without metadata. */
export function plainService(annotations: Readonly<Record<string, string>> = {}): KnativeService {
  return {
    metadata: { name: "cart", namespace: "default", annotations: { ...annotations } },
    spec: { template: { spec: { containers: [{ image: "dev.local/shopping-cart" }] } } },
  };
}
