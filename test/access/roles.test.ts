import { describe, expect, test } from "vitest";
import {
  isInstanceRole,
  isPermission,
  isRole,
  permissionsOf,
  roleNames,
} from "../../src/access/roles.ts";

const holders = (permission: string) =>
  roleNames.filter((role) => permissionsOf(role).has(permission)).sort();

describe("roles", () => {
  test.for([
    {
      permission: "user.write",
      want: "IAM_LOGIN_CLIENT IAM_ORG_MANAGER IAM_OWNER IAM_USER_MANAGER ORG_OWNER ORG_USER_MANAGER",
    },
    {
      permission: "user.delete",
      want: "IAM_ORG_MANAGER IAM_OWNER IAM_USER_MANAGER ORG_OWNER ORG_USER_MANAGER",
    },
    {
      permission: "user.read",
      want: "IAM_LOGIN_CLIENT IAM_ORG_MANAGER IAM_OWNER IAM_OWNER_VIEWER IAM_USER_MANAGER ORG_OWNER ORG_OWNER_VIEWER ORG_PROJECT_PERMISSION_EDITOR ORG_USER_MANAGER ORG_USER_PERMISSION_EDITOR PROJECT_GRANT_OWNER PROJECT_GRANT_OWNER_VIEWER PROJECT_OWNER PROJECT_OWNER_VIEWER",
    },
    {
      permission: "user.global.read",
      want: "IAM_ORG_MANAGER IAM_OWNER IAM_OWNER_VIEWER IAM_USER_MANAGER ORG_OWNER ORG_OWNER_VIEWER ORG_PROJECT_CREATOR ORG_PROJECT_PERMISSION_EDITOR ORG_USER_MANAGER ORG_USER_PERMISSION_EDITOR PROJECT_GRANT_OWNER PROJECT_GRANT_OWNER_VIEWER PROJECT_OWNER PROJECT_OWNER_GLOBAL PROJECT_OWNER_VIEWER PROJECT_OWNER_VIEWER_GLOBAL",
    },
    {
      permission: "user.membership.read",
      want: "IAM_LOGIN_CLIENT IAM_ORG_MANAGER IAM_OWNER IAM_OWNER_VIEWER IAM_USER_MANAGER ORG_OWNER ORG_OWNER_VIEWER ORG_USER_MANAGER PROJECT_GRANT_OWNER PROJECT_GRANT_OWNER_VIEWER PROJECT_OWNER PROJECT_OWNER_GLOBAL PROJECT_OWNER_VIEWER PROJECT_OWNER_VIEWER_GLOBAL",
    },
    {
      permission: "org.read",
      want: "IAM_LOGIN_CLIENT IAM_ORG_MANAGER IAM_OWNER IAM_OWNER_VIEWER IAM_USER_MANAGER ORG_OWNER ORG_OWNER_VIEWER ORG_PROJECT_PERMISSION_EDITOR ORG_SETTINGS_MANAGER ORG_USER_MANAGER ORG_USER_PERMISSION_EDITOR",
    },
    { permission: "user.grant.write", want: "" },
  ])("give $permission to exactly the published ones", ({ permission, want }) => {
    expect(holders(permission).join(" ")).toBe(want);
    expect(isPermission(permission)).toBe(want !== "");
  });

  test.for([
    { role: "IAM_OWNER", known: true, instance: true },
    { role: "ORG_OWNER", known: true, instance: false },
    { role: "ORG_USER_SELF_MANAGER", known: true, instance: false },
    { role: "org_owner", known: false, instance: false },
    { role: "__proto__", known: false, instance: false },
    { role: "constructor", known: false, instance: false },
    { role: "", known: false, instance: false },
  ])("know $role: $known", ({ role, known, instance }) => {
    expect(isRole(role)).toBe(known);
    expect(isInstanceRole(role)).toBe(instance);
  });

  test("give an unknown role nothing", () => {
    expect(permissionsOf("toString").size).toBe(0);
  });
});
