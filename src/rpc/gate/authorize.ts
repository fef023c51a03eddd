import { createContextKey } from "@connectrpc/connect";
import { defaultMaxAgeMs, memoize, type SteadyClock } from "../../access/memoize.ts";
import { ServiceError } from "../../domain/errors.ts";
import type { Directory, Membership } from "../../store/directory.ts";
import { callerKey } from "./authenticate.ts";
import type { Gate } from "./gate.ts";
import { anyCaller, type PermissionOf } from "./permissions.ts";
import { assertPermitted, membershipsKey } from "./standing.ts";

/** Longer than any id. */
export const maxOrganizationLength = 200;

/** The organization this request acts on; it exists. Empty for public methods. */
export const organizationKey = createContextKey<string>("", { description: "organization" });

/**
 * Refuse callers that may not call the method in the organization of the call, which is the one that
 * `x-zitadel-orgid` names, or else the caller's own. Put that organization and the caller's memberships
 * into the context values.
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
}): Gate<never> {
  const { directory, permissionOf, maxAgeMs = defaultMaxAgeMs, clock = performance } = options;
  const organization = memoize((id) => directory.organization(id), { maxAgeMs, clock });
  const memberships = memoize(
    async (subject) => {
      const found = await directory.memberships(subject);
      return found.length === 0 ? undefined : found;
    },
    { maxAgeMs, clock },
  );

  const ask = async (subject: string, id: string) => {
    const isFound = id.length <= maxOrganizationLength && (await organization(id)) !== undefined;
    if (!isFound) throw new ServiceError("organizationNotFound");
    return (await memberships(subject)) ?? [];
  };

  return ({ method, requestHeader, values }) => {
    const permission = permissionOf(method);
    if (permission === undefined) return undefined;
    const caller = values.get(callerKey);
    if (caller === undefined) throw new ServiceError("authHeaderMissing");
    const id = requestHeader.get("x-zitadel-orgid") || caller.organization;
    const letIn = (held: readonly Membership[]) => {
      if (permission !== anyCaller) assertPermitted(held, id, [permission]);
      values.set(organizationKey, id);
      values.set(membershipsKey, held);
    };
    const held = memberships.remembered(caller.subject);
    return held === undefined || organization.remembered(id) === undefined
      ? ask(caller.subject, id).then(letIn)
      : letIn(held);
  };
}
