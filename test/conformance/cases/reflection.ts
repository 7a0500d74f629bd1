// SPDX-License-Identifier: Apache-2.0

import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";

import {
  ServerReflection,
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
} from "../../../pkg/protocol/gen/grpc/reflection/v1alpha/reflection_pb.ts";
import type { Case, Group, ProxySide } from "../suite/case.ts";
import { PublicCall } from "../suite/public-calls.ts";

type Question = NonNullable<MessageInitShape<typeof ServerReflectionRequestSchema>["messageRequest"]>;
type Answer = NonNullable<MessageInitShape<typeof ServerReflectionResponseSchema>["messageResponse"]>;

const verifyReflection: Case<ProxySide> = {
  name: "verify that the proxy supports server reflection",
  needs: [],
  async run(side) {
    const served = side.spec.entities.map(({ serviceName }) => serviceName).sort();
    const service = [ServerReflection.typeName, ...served].map((name) => ({ name }));
    const all: Answer = { case: "listServicesResponse", value: { service } };
    const none: Answer = { case: "fileDescriptorResponse", value: {} };

    const call = new PublicCall(side, ServerReflection.method.serverReflectionInfo);
    const ask = async (messageRequest: Question, messageResponse: Answer): Promise<void> => {
      const originalRequest = create(ServerReflectionRequestSchema, { host: "some.host", messageRequest });
      call.send(originalRequest);
      const validHost = originalRequest.host;
      await call.expect(
        create(ServerReflectionResponseSchema, { validHost, originalRequest, messageResponse }),
      );
    };
    // What is to be listed does not matter.
    await ask({ case: "listServices", value: "" }, all);
    await ask({ case: "listServices", value: "nonsense.blabla." }, all);
    await ask({ case: "fileContainingSymbol", value: "nonsense.blabla.Void" }, none);
    await call.complete().expectCompletion();
  },
};

export const reflectionGroup: Group = {
  half: "proxy",
  title: "verifying proxy test: gRPC server reflection",
  cases: [verifyReflection],
};
