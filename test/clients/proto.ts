import {
  create,
  createRegistry,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  toJson,
} from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { ManagementService } from "@zitadel/proto/zitadel/management_pb.js";
import { ErrorDetailSchema } from "@zitadel/proto/zitadel/message_pb.js";
import { BadRequestSchema, ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../gen/google/rpc/status_pb.ts";
import type { MethodName, Reply } from "./client.contract.ts";

/** The methods as ZITADEL publishes them. */
export const methods: Readonly<Record<MethodName, DescMethodUnary>> = {
  UpdateHumanProfile: ManagementService.method.updateHumanProfile,
  GetHumanProfile: ManagementService.method.getHumanProfile,
};

/** `/package.Service/Method` */
export function pathOf({ parent, name }: DescMethodUnary): string {
  return `/${parent.typeName}/${name}`;
}

const registry = createRegistry(ErrorDetailSchema, BadRequestSchema, ErrorInfoSchema);

/** @throws Error if a detail is of a type that clients do not know. */
export function refusalFrom(status: MessageInitShape<typeof StatusSchema>): Reply {
  return {
    kind: "refused",
    status: toJson(StatusSchema, create(StatusSchema, status), { registry }),
  };
}

/** @param bytes Of `grpc-status-details-bin`. */
export function detailsFrom(bytes: Uint8Array): Any[] {
  return fromBinary(StatusSchema, bytes).details;
}
