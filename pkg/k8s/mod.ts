// SPDX-License-Identifier: Apache-2.0

export { inClusterAccess } from "./access.ts";
export type { ApiAccess } from "./access.ts";
export { AdmissionServer } from "./admission-server.ts";
export type { AdmissionDeps, AdmissionOptions } from "./admission-server.ts";
export { Api } from "./api.ts";
export type { ApiOptions, ApiRequest } from "./api.ts";
export { CertificateKeeper } from "./certificate-keeper.ts";
export type { KeeperDeps, KeeperOptions } from "./certificate-keeper.ts";
export type { Certificates } from "./certificates.ts";
export type { JsonObject } from "./json.ts";
export type { K8sErrorCode } from "./k8s-error.ts";
export { makeCertificates } from "./make-certificates.ts";
export { watchObject } from "./watch-object.ts";
export type { WatchDeps, WatchOptions } from "./watch-object.ts";
