/** What is asked of callers who want something of a user. */
export type Permission = "user.read" | "user.write" | "user.delete" | "user.self.delete";

/** The permissions of ZITADEL's default roles, written again here, so that a mistake in the server's table is found. */
export const permissionsOf: Readonly<Record<string, readonly Permission[]>> = {
  IAM_OWNER: ["user.read", "user.write", "user.delete"],
  IAM_ORG_MANAGER: ["user.read", "user.write", "user.delete"],
  IAM_USER_MANAGER: ["user.read", "user.write", "user.delete"],
  IAM_LOGIN_CLIENT: ["user.read", "user.write"],
  IAM_OWNER_VIEWER: ["user.read"],
  IAM_ADMIN_IMPERSONATOR: [],
  IAM_END_USER_IMPERSONATOR: [],
  ORG_OWNER: ["user.read", "user.write", "user.delete"],
  ORG_USER_MANAGER: ["user.read", "user.write", "user.delete"],
  ORG_OWNER_VIEWER: ["user.read"],
  ORG_USER_PERMISSION_EDITOR: ["user.read"],
  ORG_PROJECT_PERMISSION_EDITOR: ["user.read"],
  ORG_PROJECT_CREATOR: [],
  ORG_SETTINGS_MANAGER: [],
  ORG_ADMIN_IMPERSONATOR: [],
  ORG_END_USER_IMPERSONATOR: [],
  ORG_USER_SELF_MANAGER: ["user.self.delete"],
  ORG_DYNAMIC_CLIENT_REGISTRAR: [],
  PROJECT_OWNER: ["user.read"],
  PROJECT_OWNER_VIEWER: ["user.read"],
  PROJECT_OWNER_GLOBAL: [],
  PROJECT_OWNER_VIEWER_GLOBAL: [],
  PROJECT_GRANT_OWNER: ["user.read"],
  PROJECT_GRANT_OWNER_VIEWER: ["user.read"],
  SELF_MANAGEMENT_GLOBAL: ["user.self.delete"],
  SYSTEM_OWNER: [],
  SYSTEM_OWNER_VIEWER: [],
};
