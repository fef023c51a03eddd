import type { DescMethod } from "@bufbuild/protobuf";
import { ManagementService } from "../../gen/zitadel/management_pb.ts";
import { UserService } from "../../gen/zitadel/user/v2/user_service_pb.ts";
import { successors } from "../../src/rpc/deprecation.ts";

/** The name of the method of v2 that does the work of a method of v1. */
export function successorOf({ parent, localName }: DescMethod): string | undefined {
  if (parent.typeName !== ManagementService.typeName) return undefined;
  const successor = successors[localName as keyof typeof successors];
  return successor && UserService.method[successor].name;
}
