type Permission =
  | "user.write"
  | "user.read"
  | "user.global.read"
  | "user.delete"
  | "user.membership.read"
  | "org.read"
  | "user.self.delete";

const reading = ["user.read", "user.global.read", "user.membership.read"] as const;
const viewing = [...reading, "org.read"] as const;
const everything = [...viewing, "user.write", "user.delete"] as const;
/** Of those who edit permissions. They do not see who has which role. */
const editing = ["user.read", "user.global.read", "org.read"] as const;
const readingGlobally = ["user.global.read", "user.membership.read"] as const;

/**
 * The permissions of each role, as far as this service asks for them. Roles without any of them are
 * listed too, because they can be given.
 *
 * Source: the default role mappings of ZITADEL v4, `cmd/defaults.yaml`.
 */
const table = {
  IAM_OWNER: everything,
  IAM_ORG_MANAGER: everything,
  IAM_USER_MANAGER: everything,
  IAM_LOGIN_CLIENT: ["user.write", "user.read", "user.membership.read", "org.read"],
  IAM_OWNER_VIEWER: viewing,
  IAM_ADMIN_IMPERSONATOR: [],
  IAM_END_USER_IMPERSONATOR: [],

  ORG_OWNER: everything,
  ORG_USER_MANAGER: everything,
  ORG_OWNER_VIEWER: viewing,
  ORG_USER_PERMISSION_EDITOR: editing,
  ORG_PROJECT_PERMISSION_EDITOR: editing,
  ORG_PROJECT_CREATOR: ["user.global.read"],
  ORG_SETTINGS_MANAGER: ["org.read"],
  ORG_ADMIN_IMPERSONATOR: [],
  ORG_END_USER_IMPERSONATOR: [],
  ORG_USER_SELF_MANAGER: ["user.self.delete"],
  ORG_DYNAMIC_CLIENT_REGISTRAR: [],

  PROJECT_OWNER: reading,
  PROJECT_OWNER_VIEWER: reading,
  PROJECT_OWNER_GLOBAL: readingGlobally,
  PROJECT_OWNER_VIEWER_GLOBAL: readingGlobally,
  PROJECT_GRANT_OWNER: reading,
  PROJECT_GRANT_OWNER_VIEWER: reading,

  SELF_MANAGEMENT_GLOBAL: ["user.self.delete"],
  SYSTEM_OWNER: [],
  SYSTEM_OWNER_VIEWER: [],
} as const satisfies Record<string, readonly Permission[]>;

const nothing: ReadonlySet<string> = new Set();
const roles: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries(table).map(([role, permissions]) => [role, new Set<string>(permissions)]),
);

/** Every role that can be given. */
export const roleNames: readonly string[] = [...roles.keys()];

/** Whether the role can be given. */
export function isRole(name: string): boolean {
  return roles.has(name);
}

/** Whether the role is held on the whole instance, never in one organization. */
export function isInstanceRole(role: string): boolean {
  return role.startsWith("IAM_");
}

/** Empty for an unknown role. */
export function permissionsOf(role: string): ReadonlySet<string> {
  return roles.get(role) ?? nothing;
}

/** Whether any role gives the permission. */
export function isPermission(name: string): boolean {
  return [...roles.values()].some((permissions) => permissions.has(name));
}
