import {
  create,
  createFileRegistry,
  type DescMethod,
  getOption,
  setExtension,
} from "@bufbuild/protobuf";
import {
  FileDescriptorProtoSchema,
  file_google_protobuf_empty,
  MethodOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import {
  Code,
  ConnectError,
  type ContextValues,
  createClient,
  createRouterTransport,
  type HandlerContext,
} from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { Health } from "../../../gen/health/v1/health_pb.ts";
import { ManagementService } from "../../../gen/zitadel/management_pb.ts";
import {
  AuthOptionSchema,
  auth_option,
  file_zitadel_options,
} from "../../../gen/zitadel/options_pb.ts";
import { options } from "../../../gen/zitadel/protoc_gen_zitadel/v2/options_pb.ts";
import { UserService } from "../../../gen/zitadel/user/v2/user_service_pb.ts";
import { ServiceError } from "../../../src/domain/errors.ts";
import { callerKey } from "../../../src/rpc/gate/authenticate.ts";
import { createAuthorize, organizationKey } from "../../../src/rpc/gate/authorize.ts";
import type { Gate } from "../../../src/rpc/gate/gate.ts";
import { permissionsFromServices } from "../../../src/rpc/gate/permissions.ts";
import { membershipsKey } from "../../../src/rpc/gate/standing.ts";
import type { Membership } from "../../../src/store/directory.ts";
import { openSqlite } from "../../../src/store/sqlite/database.ts";
import { createSqliteDirectory } from "../../../src/store/sqlite/directory.ts";

const healthz = "zitadel.management.v1.ManagementService/Healthz";
const managementPermissions = permissionsFromServices([ManagementService], [healthz]);

/** Stands for createGate: the key of a ServiceError is the message. */
const keysAsMessages =
  (...gates: readonly Gate<never>[]) =>
  async (context: HandlerContext): Promise<void> => {
    try {
      for (const gate of gates) await gate(context);
    } catch (error) {
      const key = error instanceof ServiceError ? error.key : String(error);
      throw new ConnectError(key, Code.Unknown);
    }
  };

/** Stands for createAuthenticate: the caller `sam`, at home in `home`; nobody for `nobody`. */
const authenticateSam: Gate<never> = ({ requestHeader, values }) => {
  const caller = { subject: "sam", organization: "home", language: undefined };
  if (!requestHeader.has("nobody")) values.set(callerKey, caller);
};

/** Organizations home and other; sam's memberships; calls return the organization or the error's key. */
async function setUp(
  memberships: readonly Membership[],
  permissionOf: (method: DescMethod) => string | undefined = managementPermissions,
) {
  const directory = createSqliteDirectory(openSqlite(":memory:"));
  await directory.add({
    organizations: ["home", "other"].map((id) => ({ id, name: id, createdAt: 1 })),
    memberships,
  });
  const clock = { at: 1, now: () => clock.at };
  const lookUps: string[] = [];
  const authorize = createAuthorize({
    directory: {
      organization: (id) => {
        lookUps.push(`organization ${id}`);
        return directory.organization(id);
      },
      memberships: (subject) => {
        lookUps.push(`memberships ${subject}`);
        return directory.memberships(subject);
      },
    },
    permissionOf,
    clock,
  });
  const organizations: string[] = [];
  const known: (readonly Membership[])[] = [];
  const transport = createRouterTransport(
    ({ service }) => {
      const handler = (_: unknown, { values }: { values: ContextValues }) => {
        organizations.push(values.get(organizationKey));
        known.push(values.get(membershipsKey));
        return {};
      };
      service(ManagementService, {
        healthz: handler,
        getUserByID: handler,
        lockUser: handler,
        removeUser: handler,
      });
    },
    { router: { requestGate: keysAsMessages(authenticateSam, authorize) } },
  );
  const client = createClient(ManagementService, transport);
  const outcomeOf = (call: Promise<unknown>) =>
    call.then(
      () => organizations.at(-1),
      (error: ConnectError) => error.rawMessage,
    );
  const optionsOf = (organization: string | undefined) => ({
    headers: organization === undefined ? {} : { "X-Zitadel-OrgID": organization },
  });
  return {
    directory,
    clock,
    lookUps,
    /** What the last handler knew of the caller. */
    known: () => known.at(-1),
    read: (organization?: string) =>
      outcomeOf(client.getUserByID({ id: "u" }, optionsOf(organization))),
    write: (organization?: string) =>
      outcomeOf(client.lockUser({ id: "u" }, optionsOf(organization))),
    remove: (organization?: string) =>
      outcomeOf(client.removeUser({ id: "u" }, optionsOf(organization))),
    readAsNobody: () => outcomeOf(client.getUserByID({ id: "u" }, { headers: { nobody: "1" } })),
    healthzAsNobody: () =>
      outcomeOf(client.healthz({}, { headers: { nobody: "1", "x-zitadel-orgid": "none" } })),
  };
}

const roleIn = (organization: string | undefined, role: string): Membership => ({
  subject: "sam",
  organization,
  role,
});

describe("createAuthorize", () => {
  test.for([
    { role: "ORG_OWNER", read: "home", write: "home", remove: "home" },
    {
      role: "ORG_OWNER_VIEWER",
      read: "home",
      write: "permissionMissing",
      remove: "permissionMissing",
    },
    { role: "IAM_LOGIN_CLIENT", read: "home", write: "home", remove: "permissionMissing" },
    {
      role: "ORG_PROJECT_CREATOR",
      read: "permissionMissing",
      write: "permissionMissing",
      remove: "permissionMissing",
    },
    {
      role: "NO_SUCH_ROLE",
      read: "permissionMissing",
      write: "permissionMissing",
      remove: "permissionMissing",
    },
  ])("lets $role do what its permissions say", async ({ role, read, write, remove }) => {
    const calls = await setUp([roleIn("home", role)]);
    expect(await calls.read()).toBe(read);
    expect(await calls.write()).toBe(write);
    expect(await calls.remove()).toBe(remove);
  });

  test.for<{ name: string; memberships: Membership[]; organization?: string; want: string }>([
    { name: "at home", memberships: [roleIn("home", "ORG_OWNER")], want: "home" },
    {
      name: "at home by header",
      memberships: [roleIn("home", "ORG_OWNER")],
      organization: "home",
      want: "home",
    },
    {
      name: "at home for an empty header",
      memberships: [roleIn("home", "ORG_OWNER")],
      organization: "",
      want: "home",
    },
    {
      name: "in the other organization for a member there",
      memberships: [roleIn("other", "ORG_OWNER")],
      organization: "other",
      want: "other",
    },
    {
      name: "in the other organization for a member of the instance",
      memberships: [roleIn(undefined, "IAM_OWNER")],
      organization: "other",
      want: "other",
    },
    {
      name: "with the best of several roles",
      memberships: [roleIn("home", "ORG_OWNER_VIEWER"), roleIn(undefined, "IAM_OWNER")],
      want: "home",
    },
  ])("acts $name", async ({ memberships, organization, want }) => {
    const { write } = await setUp(memberships);
    expect(await write(organization)).toBe(want);
  });

  test.for<{ name: string; memberships: Membership[]; organization?: string; want: string }>([
    { name: "a caller without any membership", memberships: [], want: "membershipNotFound" },
    {
      name: "a member of home in the other organization",
      memberships: [roleIn("home", "ORG_OWNER")],
      organization: "other",
      want: "membershipNotFound",
    },
    {
      name: "a member of the other organization at home",
      memberships: [roleIn("other", "ORG_OWNER")],
      want: "membershipNotFound",
    },
    {
      name: "a reader of the other organization who owns home",
      memberships: [roleIn("home", "ORG_OWNER"), roleIn("other", "ORG_OWNER_VIEWER")],
      organization: "other",
      want: "permissionMissing",
    },
    {
      name: "somebody else's membership",
      memberships: [{ ...roleIn("home", "ORG_OWNER"), subject: "alex" }],
      want: "membershipNotFound",
    },
  ])("refuses $name", async ({ memberships, organization, want }) => {
    const { write } = await setUp(memberships);
    expect(await write(organization)).toBe(want);
  });

  test.for([
    "none",
    "HOME",
    "home, home",
    "home,other",
    "home other",
    "%68ome",
    "home'; drop table organizations; --",
    "../home",
    "*",
    "__proto__",
    "h\u00f6me",
    "9".repeat(200),
  ])("refuses the organization %j before it looks at memberships", async (organization) => {
    const { write, lookUps } = await setUp([roleIn(undefined, "IAM_OWNER")]);
    expect(await write(organization)).toBe("organizationNotFound");
    expect(lookUps).toEqual([`organization ${organization}`]);
  });

  test("refuses an organization longer than any id without a look-up", async () => {
    const { write, lookUps } = await setUp([roleIn(undefined, "IAM_OWNER")]);
    expect(await write("9".repeat(201))).toBe("organizationNotFound");
    expect(lookUps).toEqual([]);
  });

  test("lets anyone call a public method, whatever the header says", async () => {
    const { healthzAsNobody, lookUps } = await setUp([]);
    expect(await healthzAsNobody()).toBe("");
    expect(lookUps).toEqual([]);
  });

  test("refuses a call without a caller", async () => {
    const { readAsNobody } = await setUp([roleIn(undefined, "IAM_OWNER")]);
    expect(await readAsNobody()).toBe("authHeaderMissing");
  });

  test("lets any caller do what asks for `authenticated`, in an organization that exists", async () => {
    const { read } = await setUp([], () => "authenticated");
    expect(await read()).toBe("home");
    expect(await read("other")).toBe("other");
    expect(await read("none")).toBe("organizationNotFound");
  });

  test("reuses look-ups for 2 seconds", async () => {
    const { read, write, clock, lookUps } = await setUp([roleIn("home", "ORG_OWNER")]);
    await read();
    clock.at += 2_000;
    await write();
    expect(lookUps).toEqual(["organization home", "memberships sam"]);
    clock.at += 1;
    await write();
    expect(lookUps).toHaveLength(4);
  });

  test("sees a new organization and a first membership at once", async () => {
    const { write, directory } = await setUp([]);
    expect(await write()).toBe("membershipNotFound");
    expect(await write("new")).toBe("organizationNotFound");
    await directory.add({
      organizations: [{ id: "new", name: "new", createdAt: 1 }],
      memberships: [roleIn("home", "ORG_OWNER"), roleIn("new", "ORG_OWNER")],
    });
    expect(await write()).toBe("home");
    expect(await write("new")).toBe("new");
  });
});

/** A service `test.Shelf` whose methods declare these permissions. */
function serviceOf(methods: Readonly<Record<string, string | undefined>>) {
  const file = create(FileDescriptorProtoSchema, {
    name: "test.proto",
    package: "test",
    syntax: "proto3",
    dependency: ["google/protobuf/empty.proto", "zitadel/options.proto"],
    service: [
      {
        name: "Shelf",
        method: Object.entries(methods).map(([name, permission]) => {
          const options = create(MethodOptionsSchema);
          const declared = [permission].filter((text) => text !== undefined);
          for (const text of declared) {
            setExtension(options, auth_option, create(AuthOptionSchema, { permission: text }));
          }
          const [inputType, outputType] = [".google.protobuf.Empty", ".google.protobuf.Empty"];
          return { name, inputType, outputType, options };
        }),
      },
    ],
  });
  const known = [file_google_protobuf_empty, file_zitadel_options];
  const registry = createFileRegistry(file, (name) =>
    known.find((candidate) => candidate.proto.name === name),
  );
  const service = registry.getService("test.Shelf");
  expect(service).toBeDefined();
  return service as NonNullable<typeof service>;
}

describe("the memberships of the caller", () => {
  const anybodyMay = () => "authenticated";

  test("are given to the handler, whatever the organization of the call", async () => {
    const memberships = [roleIn("other", "ORG_OWNER_VIEWER"), roleIn(undefined, "IAM_OWNER")];
    const calls = await setUp(memberships, anybodyMay);
    expect(await calls.read()).toBe("home");
    expect(calls.known()).toEqual(memberships);
  });

  test("are empty for a caller without any", async () => {
    const calls = await setUp([], anybodyMay);
    expect(await calls.read()).toBe("home");
    expect(calls.known()).toEqual([]);
  });

  test("are asked for once, while an answer may be reused", async () => {
    const calls = await setUp([roleIn("home", "ORG_OWNER")], anybodyMay);
    for (let call = 0; call < 3; call++) await calls.read();
    expect(calls.lookUps).toEqual(["organization home", "memberships sam"]);
  });

  test("do not matter if the organization of the call does not exist", async () => {
    const calls = await setUp([roleIn(undefined, "IAM_OWNER")], anybodyMay);
    expect(await calls.read("none")).toBe("organizationNotFound");
  });
});

describe("permissionsFromServices", () => {
  test("reads the permission of every method we serve", () => {
    const permissions = ManagementService.methods.map((method) => [
      method.name,
      managementPermissions(method),
    ]);
    expect(Object.fromEntries(permissions)).toMatchObject({
      Healthz: undefined,
      UpdateHumanProfile: "user.write",
      GetHumanProfile: "user.read",
      GetUserByLoginNameGlobal: "user.global.read",
      RemoveUser: "user.delete",
    });
  });

  test("reads the option of v2", () => {
    const permissionOf = permissionsFromServices([UserService], []);
    const { updateUser, getUserByID } = UserService.method;
    expect([updateUser, getUserByID].map(permissionOf)).toEqual(["authenticated", "authenticated"]);
  });

  test("leaves a permission in an organization that the request names to the handler", () => {
    const permissionOf = permissionsFromServices([UserService], []);
    const { addHumanUser } = UserService.method;
    expect(getOption(addHumanUser, options).authOption?.permission).toBe("user.write");
    expect(permissionOf(addHumanUser)).toBe("authenticated");
  });

  test("accepts `authenticated`", () => {
    const service = serviceOf({ Me: "authenticated" });
    const permissionOf = permissionsFromServices([service], []);
    expect(service.methods.map(permissionOf)).toEqual(["authenticated"]);
  });

  test.for<{
    name: string;
    methods: Record<string, string | undefined>;
    publicMethods: string[];
    want: string[];
  }>([
    {
      name: "methods that declare nothing and are not listed",
      methods: { A: undefined, B: "user.read", C: undefined },
      publicMethods: [],
      want: [
        "test.Shelf/A has no permission and is not listed as public",
        "test.Shelf/C has no permission and is not listed as public",
      ],
    },
    {
      name: "a listed method with a permission",
      methods: { A: "user.read" },
      publicMethods: ["test.Shelf/A"],
      want: ['test.Shelf/A is listed as public, but needs "user.read"'],
    },
    {
      name: "a listed name that does not exist",
      methods: { A: "user.read" },
      publicMethods: ["test.Shelf/B"],
      want: ["test.Shelf/B is listed as public, but no service has it"],
    },
    {
      name: "permissions that no role gives",
      methods: { A: "user.raed", B: "" },
      publicMethods: [],
      want: [
        'test.Shelf/A needs "user.raed", which no role gives',
        'test.Shelf/B needs "", which no role gives',
      ],
    },
    {
      name: "everything at once",
      methods: { A: undefined, B: "user.raed" },
      publicMethods: ["test.Shelf/C"],
      want: [
        "test.Shelf/A has no permission and is not listed as public",
        'test.Shelf/B needs "user.raed", which no role gives',
        "test.Shelf/C is listed as public, but no service has it",
      ],
    },
  ])("refuses $name", ({ methods, publicMethods, want }) => {
    expect(() => permissionsFromServices([serviceOf(methods)], publicMethods)).toThrow(
      ["permissions are not declared properly:", ...want].join("\n"),
    );
  });

  test("knows no method of another service", () => {
    const [check] = Health.methods;
    expect(() => managementPermissions(check as DescMethod)).toThrow("is not among the services");
  });
});
