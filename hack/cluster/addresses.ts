// SPDX-License-Identifier: Apache-2.0

/**
 * Names and addresses inside the cluster's network namespace. The networks are in the range that is reserved for
 * benchmarks of network devices (RFC 2544, 198.18.0.0/15), so that they collide with no other network.
 */

/** The network namespace, and the one node. */
export const NETWORK_NAMESPACE = "perdure";
export const NODE_NAME = "perdure";

export const NODE_ADDRESS = "198.18.128.1";
export const POD_NETWORK = "198.18.0.0/22";
export const SERVICE_NETWORK = "198.19.0.0/16";
/** The first address of the service network, which Kubernetes gives its own API. */
export const API_SERVICE_ADDRESS = "198.19.0.1";

export const API_URL = "https://127.0.0.1:6443";
export const ETCD_URL = "http://127.0.0.1:2379";
export const ETCD_PEER_URL = "http://127.0.0.1:2380";
export const DNS_READY_ADDRESS = "127.0.0.1:8181";
export const REGISTRY_PORT = 5000;

/** Kourier's gateway on the node: every Knative service answers here, chosen by the host's name. */
export const GATEWAY_PORT = 31080;
/** Of the services: `http://NAME.NAMESPACE.example.test`. */
export const SERVICE_DOMAIN = "example.test";

/** The registry of images that are loaded, not pulled. By default Knative does not resolve its tags to digests. */
export const LOCAL_REGISTRY = "dev.local";
