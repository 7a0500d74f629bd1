// SPDX-License-Identifier: Apache-2.0

import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

import { Crdt } from "../../../pkg/protocol/gen/cloudstate/crdt_pb.ts";
import type { Case, Group, ProxySide } from "../suite/case.ts";
import { expectEqual } from "../suite/expectation.ts";
import { PROTOCOL_TYPES } from "../wire/paths.ts";

const verifyDiscovery: Case<ProxySide> = {
  name: "verify proxy info and entity discovery",
  needs: [],
  async run({ proxyInfo, spec }) {
    const { protocolMajorVersion: major, protocolMinorVersion: minor, supportedEntityTypes } = proxyInfo;
    expectEqual("the proxy's protocol version", { major, minor }, { major: 0, minor: 2 });

    // CRDTs are a type of the protocol of which the suite has no cases: a proxy may offer them or not.
    const offered = supportedEntityTypes.filter((type) => type !== Crdt.typeName).sort();
    expectEqual("the entity types that the proxy offers", offered, [...PROTOCOL_TYPES].sort());

    const described = fromBinary(FileDescriptorSetSchema, spec.proto).file.flatMap((file) =>
      file.service.map(({ name }) => (file.package === "" ? name : `${file.package}.${name}`)),
    );
    const served = spec.entities.map(({ serviceName }) => serviceName);
    const missing = served.filter((service) => !described.includes(service));
    expectEqual("services that the descriptors do not describe", missing, []);
  },
};

export const discoveryGroup: Group = {
  half: "proxy",
  title: "verifying discovery protocol",
  cases: [verifyDiscovery],
};
