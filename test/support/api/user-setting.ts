import { UserService } from "../../../gen/zitadel/user/v2/user_service_pb.ts";
import { audience, startIssuer } from "../identity/issuer.ts";
import { waitForProviders } from "../identity/patience.ts";
import { list, object, text } from "./json.ts";
import { startSetting, methods as v1 } from "./setting.ts";

/** The methods of v2. */
export const methods = UserService.method;

/** A profile in which every field is set, in the words of v2. */
export const gigi = {
  givenName: "Gigi",
  familyName: "Giraffe",
  nickName: "Gi",
  displayName: "Gigi G.",
  preferredLanguage: "en",
  gender: "GENDER_FEMALE",
} as const;

/** `startSetting`, with an identity provider whose tokens name people of this server. */
export type UserSetting = Awaited<ReturnType<typeof startUserSetting>>;

/** @param flags Of `serve`. */
export async function startUserSetting(flags: readonly string[] = []) {
  waitForProviders();
  const issuer = await startIssuer();
  const provider = ["--oidc-issuer", issuer.url, "--oidc-audience", audience];
  const setting = await startSetting([...provider, ...flags]);
  const { call, organizations } = setting;
  const manager = await setting.administer(
    ...["token", "create", "--name", "manager", "--role", "IAM_USER_MANAGER"],
  );

  return {
    ...setting,
    /** Of a service account with IAM_USER_MANAGER. */
    manager: text(manager.secret),
    /** A token of the person with this id. */
    tokenOf: (userId: string) => issuer.token({ sub: userId }),
    /** Gives a person a role. Without an organization, on the instance. */
    giveRole: (subject: string, role: string, organization?: string) =>
      setting.administer(
        ...["member", "add", "--subject", subject, "--role", role],
        ...(organization === undefined ? [] : ["--org", organization]),
      ),
    /** The user, as GetUserByID of v2 shows it. */
    read: async (userId: string) => object((await call(methods.getUserByID, { userId })).user),
    /** The types of the events of a user, oldest first. */
    events: async (userId: string, organization = organizations.own) => {
      const request = { userId, query: { asc: true } };
      const { result } = await call(v1.listUserChanges, request, {
        "x-zitadel-orgid": organization,
      });
      return list(result).map((change) =>
        text(object(object(change).eventType).key).replace("EventTypes.", ""),
      );
    },
    async close() {
      await setting.close();
      await issuer.close();
    },
  };
}
