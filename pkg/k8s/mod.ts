// SPDX-License-Identifier: Apache-2.0

export { AdmissionServer } from "./admission/admission-server.ts";
export type { ApiAccess } from "./api/access.ts";
export { inClusterAccess } from "./api/access.ts";
export { Api } from "./api/api.ts";
export type { JsonObject } from "./api/json.ts";
export { numberOf, objectOf, objectOrEmpty, objectsOf, parseJson, textOf, textsOf } from "./api/json.ts";
export { watchObject } from "./api/watch-object.ts";
export { CertificateKeeper } from "./certificates/certificate-keeper.ts";
export type { Certificates } from "./certificates/certificates.ts";
export { makeCertificates } from "./certificates/make-certificates.ts";
