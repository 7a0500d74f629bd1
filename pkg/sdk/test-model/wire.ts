// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, DescMethod, MessageShape } from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";

import { pack } from "../any.ts";
import type { Groups, Request } from "./gen/model_pb.ts";
import { GroupsSchema, RequestSchema } from "./gen/model_pb.ts";

export type Step = Request["steps"][number]["step"];
export const emit = (value: string): Step => ({ case: "emit", value });
export const fail = (value: string): Step => ({ case: "fail", value });
export const crash = (value: string): Step => ({ case: "crash", value });
export const wait: Step = { case: "wait", value: true };
export const effect = (value: string): Step => ({ case: "effect", value });
export const synchronousEffect = (value: string): Step => ({ case: "synchronousEffect", value });
export const forward = (value: string): Step => ({ case: "forward", value });
export const metadata = (value: string): Step => ({ case: "metadata", value });
export const remove: Step = { case: "remove", value: true };
export const reply = (value: string): Step => ({ case: "reply", value });

export function request(steps: readonly Step[]): Any {
  return pack(RequestSchema, create(RequestSchema, { steps: steps.map((step) => ({ step })) }));
}

export function groups(...given: readonly (readonly Step[])[]): Groups {
  return create(GroupsSchema, {
    groups: given.map((steps) => ({ steps: steps.map((step) => ({ step })) })),
  });
}

export function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

export function encoder<Desc extends DescMessage>(schema: Desc): (message: MessageShape<Desc>) => Buffer {
  return (message) => Buffer.from(toBinary(schema, message));
}

export function decoder<Desc extends DescMessage>(schema: Desc): (bytes: Buffer) => MessageShape<Desc> {
  return (bytes) => fromBinary(schema, bytes);
}
