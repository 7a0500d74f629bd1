// SPDX-License-Identifier: Apache-2.0

export type { AdmissionDependencies, AdmissionOptions } from "./admission/admission-server.ts";
export { AdmissionServer } from "./admission/admission-server.ts";
export type { ApiAccess } from "./api/access.ts";
export { inClusterAccess } from "./api/access.ts";
export type { ApiOptions, ApiRequest } from "./api/api.ts";
export { Api } from "./api/api.ts";
export type { JsonObject } from "./api/json.ts";
export type { K8sErrorCode } from "./api/k8s-error.ts";
export type { WatchDependencies, WatchOptions } from "./api/watch-object.ts";
export { watchObject } from "./api/watch-object.ts";
export type { KeeperDependencies, KeeperOptions } from "./certificates/certificate-keeper.ts";
export { CertificateKeeper } from "./certificates/certificate-keeper.ts";
export type { Certificates } from "./certificates/certificates.ts";
export { makeCertificates } from "./certificates/make-certificates.ts";
