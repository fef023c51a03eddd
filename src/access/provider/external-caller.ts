import type { HumanState } from "../../domain/human-state.ts";
import type { Directory } from "../../store/directory.ts";
import type { EventStore } from "../../store/event-store.ts";
import type { Caller } from "../caller.ts";
import { defaultMaxAgeMs, memoize, type SteadyClock } from "../memoize.ts";
import { type Claims, refused } from "./claims.ts";

/**
 * Find the caller that an external token names.
 *
 * The home organization is the one that the token names, else the one of the subject's first role,
 * else the first one there is. The language is the token's, else that of the human with the subject's
 * id. Changes of these are seen after `maxAgeMs`.
 *
 * The human is looked up by id alone, on the whole instance: what the token says of organizations
 * does not matter.
 *
 * @throws ServiceError `tokenInvalid` for a human who is deactivated, locked or removed; and for
 *   the id of a service account. Service accounts have tokens of ours, and a user who can choose a
 *   `sub` at the provider must not get their roles.
 */
export type ExternalCaller = (claims: Claims) => Promise<Caller>;

/**
 * @param options.maxAgeMs How long look-ups are reused. Default: 2,000 ms.
 * @param options.clock Measures `maxAgeMs`. Default: the monotonic clock.
 */
export function createExternalCaller(options: {
  readonly directory: Pick<Directory, "memberships" | "organizations" | "serviceAccount">;
  readonly store: Pick<EventStore, "loadOnInstance">;
  readonly maxAgeMs?: number;
  readonly clock?: SteadyClock;
}): ExternalCaller {
  const { directory, store, maxAgeMs = defaultMaxAgeMs, clock = performance } = options;
  const firstOrganization = memoize(async () => (await directory.organizations())[0]?.id, {
    maxAgeMs,
    clock,
  });

  const homeOf = async (subject: string): Promise<string> => {
    const memberships = await directory.memberships(subject);
    const home = memberships.find(({ organization }) => organization !== undefined);
    return home?.organization ?? (await firstOrganization("")) ?? "";
  };

  const callerOf = memoize(
    async (key): Promise<Caller> => {
      const { subject, ...claimed }: Omit<Claims, "expiresAt"> = JSON.parse(key);
      if ((await directory.serviceAccount(subject)) !== undefined)
        throw refused("its sub is the id of a service account");
      const organization = claimed.organization ?? (await homeOf(subject));
      const person = (await store.loadOnInstance<HumanState>(subject))?.state;
      if (person === undefined) return { subject, organization, language: claimed.language };
      if (person.kind !== "present" || person.status !== "active")
        throw refused("its sub is the id of a user who is not active");
      const language = claimed.language ?? person.profile.preferredLanguage;
      return { subject, organization, language };
    },
    { maxAgeMs, clock },
  );

  return ({ subject, organization, language }) =>
    callerOf(JSON.stringify({ subject, organization, language }));
}
