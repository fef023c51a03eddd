import { type DescMethod, type DescService, getOption, hasOption } from "@bufbuild/protobuf";
import { auth_option } from "../../../gen/zitadel/options_pb.ts";
import { options } from "../../../gen/zitadel/protoc_gen_zitadel/v2/options_pb.ts";
import { isPermission } from "../../access/roles.ts";
import { methodName } from "../method-name.ts";

/** The permission of methods that every authenticated caller may call. */
export const anyCaller = "authenticated";

/** The permission that a method needs in the organization of the call; `undefined` if anyone may call it. */
export type PermissionOf = (method: DescMethod) => string | undefined;

/**
 * Read the permission of every method from its `zitadel.v1.auth_option` or, in v2, its
 * `zitadel.protoc_gen_zitadel.v2.options`, once, at start.
 *
 * A method whose permission is needed in an organization that the request names is let in for every
 * authenticated caller, because the gate does not read requests. Its handler must ask for the permission.
 *
 * A method is public only if it declares no permission and is on the list. So a forgotten declaration
 * is an error at start, and does not make the method public.
 *
 * @param publicMethods Such as `grpc.health.v1.Health/Check`.
 * @returns Throws Error for a method of another service.
 * @throws Error naming every method without a declaration that is not on the list, every method that
 *   has both, every permission that no role gives, and every name on the list that does not exist.
 */
export function permissionsFromServices(
  services: readonly DescService[],
  publicMethods: readonly string[],
): PermissionOf {
  const methods = services.flatMap((service) => service.methods);
  const names = new Set(methods.map(methodName));
  const problems = [
    ...methods.flatMap((method) => problemsOf(method, publicMethods.includes(methodName(method)))),
    ...publicMethods
      .filter((name) => !names.has(name))
      .map((name) => `${name} is listed as public, but no service has it`),
  ];
  if (problems.length > 0) {
    throw new Error(`permissions are not declared properly:\n${problems.join("\n")}`);
  }

  const permissions = new Map(methods.map((method) => [method, permissionAtGate(method)]));
  return (method) => {
    if (!permissions.has(method))
      throw new Error(`${methodName(method)} is not among the services`);
    return permissions.get(method);
  };
}

function problemsOf(method: DescMethod, isPublic: boolean): string[] {
  const name = methodName(method);
  const permission = declaredPermission(method);
  if (permission === undefined) {
    return isPublic ? [] : [`${name} has no permission and is not listed as public`];
  }
  if (isPublic) return [`${name} is listed as public, but needs ${JSON.stringify(permission)}`];
  if (permission === anyCaller || isPermission(permission)) return [];
  return [`${name} needs ${JSON.stringify(permission)}, which no role gives`];
}

/** The permission that the contract declares for a method; `undefined` if it declares none. */
export function declaredPermission(method: DescMethod): string | undefined {
  return declared(method)?.permission;
}

function permissionAtGate(method: DescMethod): string | undefined {
  const needed = declared(method);
  return needed?.orgField ? anyCaller : needed?.permission;
}

function declared(method: DescMethod): { permission: string; orgField?: string } | undefined {
  if (hasOption(method, auth_option)) return getOption(method, auth_option);
  return hasOption(method, options) ? getOption(method, options).authOption : undefined;
}
