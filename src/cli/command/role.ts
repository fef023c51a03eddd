import { isInstanceRole, isRole, roleNames } from "../../access/roles.ts";
import type { Directory } from "../../store/directory.ts";
import { CliError } from "./admin.ts";

/** @throws CliError naming all roles, if this is none. */
export function checkedRole(role: string): string {
  if (isRole(role)) return role;
  throw new CliError(`unknown role ${JSON.stringify(role)}; the roles are ${roleNames.join(", ")}`);
}

/**
 * The organization in which somebody with a role is at home: the one that is named, or the only one
 * there is; for a role of the instance, which takes none, the first one.
 *
 * @throws CliError saying which organizations there are.
 */
export async function homeOf(
  directory: Directory,
  role: string,
  organization: string | undefined,
): Promise<string> {
  const organizations = await directory.organizations();
  const [first, second] = organizations;
  if (first === undefined) {
    throw new CliError("there is no organization yet; `giraffe org create NAME` makes one");
  }
  if (isInstanceRole(role)) {
    if (organization === undefined) return first.id;
    throw new CliError(`${role} is a role on the whole instance and takes no --org`);
  }
  const accepted = organizations.map(({ id, name }) => `${id} (${name})`).join(", ");
  if (organization === undefined) {
    if (second === undefined) return first.id;
    throw new CliError(`${role} needs --org; the organizations are ${accepted}`);
  }
  if (organizations.some(({ id }) => id === organization)) return organization;
  throw new CliError(
    `there is no organization ${JSON.stringify(organization)}; the organizations are ${accepted}`,
  );
}
