import { type DescMethod, type DescService, getOption, hasOption } from "@bufbuild/protobuf";
import { createContextKey } from "@connectrpc/connect";
import { auth_option } from "../../../gen/zitadel/options_pb.ts";
import { defaultMaxAgeMs, memoize, type SteadyClock } from "../../access/memoize.ts";
import { isPermission, permissionsOf } from "../../access/roles.ts";
import { ServiceError } from "../../domain/errors.ts";
import type { Directory, Membership } from "../../store/directory.ts";
import { methodName } from "../method-name.ts";
import { callerKey } from "./authenticate.ts";
import type { Gate } from "./gate.ts";

/** The permission of methods that every authenticated caller may call. */
const anyCaller = "authenticated";

/** Longer than any id. */
const maxOrganizationLength = 200;

/** The organization this request acts on; it exists. Empty for public methods. */
export const organizationKey = createContextKey<string>("", { description: "organization" });

/** The permission that a method needs; `undefined` if anyone may call it. */
export type PermissionOf = (method: DescMethod) => string | undefined;

/**
 * Refuse callers that may not call the method in the organization of the call, which is the one that
 * `x-zitadel-orgid` names, or else the caller's own. Put that organization into the context values.
 *
 * A new organization and a caller's first membership are seen at once. Other changes of memberships
 * are seen after `maxAgeMs` at most.
 *
 * @param options.maxAgeMs How long look-ups are reused. Default: 2,000 ms.
 * @param options.clock Measures `maxAgeMs`. Default: the monotonic clock.
 * @throws ServiceError `organizationNotFound` if there is no organization with this id;
 *   `membershipNotFound`, `permissionMissing`; `authHeaderMissing` without a caller.
 */
export function createAuthorize(options: {
  readonly directory: Pick<Directory, "organization" | "memberships">;
  readonly permissionOf: PermissionOf;
  readonly maxAgeMs?: number;
  readonly clock?: SteadyClock;
}): Gate {
  const { directory, permissionOf, maxAgeMs = defaultMaxAgeMs, clock = performance } = options;
  const organization = memoize((id) => directory.organization(id), { maxAgeMs, clock });
  const memberships = memoize(
    async (subject) => {
      const found = await directory.memberships(subject);
      return found.length === 0 ? undefined : found;
    },
    { maxAgeMs, clock },
  );

  const check = async (subject: string, id: string, permission: string) => {
    const isFound = id.length <= maxOrganizationLength && (await organization(id)) !== undefined;
    if (!isFound) throw new ServiceError("organizationNotFound");
    if (permission !== anyCaller) assertHeld(await memberships(subject), id, permission);
  };

  return ({ method, requestHeader, values }) => {
    const permission = permissionOf(method);
    if (permission === undefined) return undefined;
    const caller = values.get(callerKey);
    if (caller === undefined) throw new ServiceError("authHeaderMissing");
    const id = requestHeader.get("x-zitadel-orgid") || caller.organization;
    const held = memberships.remembered(caller.subject);
    if (held === undefined || organization.remembered(id) === undefined) {
      return check(caller.subject, id, permission).then(() => void values.set(organizationKey, id));
    }
    if (permission !== anyCaller) assertHeld(held, id, permission);
    values.set(organizationKey, id);
    return undefined;
  };
}

/** @throws ServiceError `membershipNotFound`, `permissionMissing`. */
function assertHeld(
  memberships: readonly Membership[] = [],
  organization: string,
  permission: string,
): void {
  const held = memberships.filter(
    (membership) =>
      membership.organization === undefined || membership.organization === organization,
  );
  if (held.length === 0) throw new ServiceError("membershipNotFound");
  if (!held.some(({ role }) => permissionsOf(role).has(permission))) {
    throw new ServiceError("permissionMissing");
  }
}

/**
 * Read the permission of every method from its `zitadel.v1.auth_option`, once, at start.
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

  const permissions = new Map(methods.map((method) => [method, declaredPermission(method)]));
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

function declaredPermission(method: DescMethod): string | undefined {
  return hasOption(method, auth_option) ? getOption(method, auth_option).permission : undefined;
}
