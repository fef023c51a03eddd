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
import { UserService } from "@zitadel/proto/zitadel/user/v2/user_service_pb.js";
import { BadRequestSchema, ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../gen/google/rpc/status_pb.ts";
import type { MethodName, Reply } from "./client.contract.ts";
import type { UserMethodName } from "./user-client.contract.ts";

/** Of v1 and of v2. */
export type AnyMethodName = MethodName | UserMethodName;

const user = UserService.method;

/** The methods as ZITADEL publishes them. */
export const methods: Readonly<Record<AnyMethodName, DescMethodUnary>> = {
  UpdateHumanProfile: ManagementService.method.updateHumanProfile,
  GetHumanProfile: ManagementService.method.getHumanProfile,
  CreateUser: user.createUser,
  GetUserByID: user.getUserByID,
  ListUsers: user.listUsers,
  UpdateUser: user.updateUser,
  UpdateHumanUser: user.updateHumanUser,
  SetEmail: user.setEmail,
  SetPhone: user.setPhone,
  RemovePhone: user.removePhone,
  DeactivateUser: user.deactivateUser,
  ReactivateUser: user.reactivateUser,
  LockUser: user.lockUser,
  UnlockUser: user.unlockUser,
  DeleteUser: user.deleteUser,
  SetUserMetadata: user.setUserMetadata,
  ListUserMetadata: user.listUserMetadata,
  DeleteUserMetadata: user.deleteUserMetadata,
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
