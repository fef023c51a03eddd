import type { DescMethodUnary, JsonObject } from "@bufbuild/protobuf";
import { ManagementService } from "../../../gen/zitadel/management_pb.ts";
import { startServer } from "../server.ts";
import { type Caller, callers, closeCallers, type Reply } from "./callers.ts";
import { text } from "./json.ts";

/** The methods under test. */
export const methods = ManagementService.method;

/** A profile in which every field is set. */
export const gigi = {
  firstName: "Gigi",
  lastName: "Giraffe",
  nickName: "Gi",
  displayName: "Gigi G.",
  preferredLanguage: "en",
  gender: "GENDER_FEMALE",
} as const satisfies JsonObject;

export type Method = (typeof methods)[keyof typeof methods];

type Who =
  | "owner"
  | "editor"
  | "viewer"
  | "settings"
  | "login"
  | "outsider"
  | "revoked"
  | "garbage";

/** Who calls, and how. */
export type As = {
  /** Default: the owner of the instance. */
  readonly who?: Who | "nobody";
  /** The organization that is named. Default: none. */
  readonly where?: "own" | "other" | "unknown";
  readonly headers?: Record<string, string>;
  /** Instead of that of `who`. */
  readonly token?: string;
};

/** A server with callers of every kind, and users that none of them may change. */
export type Setting = Awaited<ReturnType<typeof startSetting>>;

/** The caller for steps that are not under test. */
const byDefault = callers[0] as (typeof callers)[number];

let newDatabase: (() => Promise<string>) | undefined;

/** From now on, settings of this test file use new databases of another engine instead of SQLite. */
export function useDatabases(create: () => Promise<string>): void {
  newDatabase = create;
}

/** @param flags Of `serve`. */
export async function startSetting(flags: readonly string[] = []) {
  const server = await startServer(flags, undefined, await newDatabase?.());
  const { url, organization } = server;
  const other = text((await server.administer("org", "create", "Zoo")).id);
  const tokenOf = (name: string, role: string, ...home: string[]) =>
    server.administer("token", "create", "--name", name, "--role", role, ...home);
  const viewer = await tokenOf("viewer", "ORG_OWNER_VIEWER", "--org", organization);
  const editor = await tokenOf("editor", "ORG_USER_MANAGER", "--org", organization);
  const settings = await tokenOf("settings", "ORG_SETTINGS_MANAGER", "--org", organization);
  const outsider = await tokenOf("outsider", "ORG_OWNER", "--org", other);
  const login = await tokenOf("login", "IAM_LOGIN_CLIENT");
  const former = await tokenOf("former", "ORG_OWNER", "--org", organization);
  await server.administer("token", "revoke", text(former.id));
  const tokens: Record<Who, string> = {
    owner: server.adminToken,
    editor: text(editor.secret),
    viewer: text(viewer.secret),
    settings: text(settings.secret),
    /** Of the instance, without user.global.read. */
    login: text(login.secret),
    /** Of the other organization. */
    outsider: text(outsider.secret),
    revoked: text(former.secret),
    garbage: "garbage",
  };

  /** Makes a call, and throws unless it succeeds. */
  const call = async (
    method: DescMethodUnary,
    request: JsonObject,
    headers: Record<string, string> = {},
  ) => {
    const reply = await byDefault.call(url, method, request, { token: tokens.owner, headers });
    if (reply.body === undefined) throw new Error(`${method.name}: ${reply.message}`);
    return reply.body;
  };

  let userNames = 0;
  const newUserName = () => {
    userNames += 1;
    return `user-${userNames}`;
  };
  /** A new user with this profile. */
  const addUser = async (profile: JsonObject = gigi, headers: Record<string, string> = {}) => {
    const userName = newUserName();
    const request = { userName, profile, email: { email: `${userName}@giraffe.example` } };
    return text((await call(methods.importHumanUser, request, headers)).userId);
  };

  const organizations = { own: organization, other, unknown: "1" };
  /** A call over one protocol. The headers of the reply are left out: they differ each time. */
  const callOver = async (
    caller: Caller,
    method: DescMethodUnary,
    request: JsonObject | Uint8Array,
    { who = "owner", where, headers, token = who === "nobody" ? undefined : tokens[who] }: As = {},
  ): Promise<Omit<Reply, "headers">> => {
    const { headers: _, ...reply } = await caller.call(url, method, request, {
      ...(token !== undefined && { token }),
      headers: { ...(where && { "x-zitadel-orgid": organizations[where] }), ...headers },
    });
    return reply;
  };

  const removed = await addUser();
  // For servers that insist on a condition.
  await call(methods.removeUser, { id: removed }, { "if-match": "*" });
  return {
    url,
    tokens,
    organizations,
    users: {
      unknown: "1",
      removed,
      machine: text((viewer.account as Record<string, unknown>).id),
      foreign: await addUser(gigi, { "x-zitadel-orgid": other }),
    },
    administer: server.administer,
    call,
    callOver,
    addUser,
    /** A user name that nobody has yet. */
    newUserName,
    /** Details and profile, as GetHumanProfile returns them. */
    readProfile: (userId: string, headers: Record<string, string> = {}) =>
      call(methods.getHumanProfile, { userId }, headers),
    async close() {
      closeCallers();
      await server.close();
    },
  };
}
