import { isInstanceRole, isRole, roleNames } from "../../access/roles.ts";
import type { Directory } from "../../store/directory.ts";
import { CliError } from "./admin.ts";

/**
 * The role itself.
 *
 * @throws CliError if there is no such role. The message lists all roles.
 */
export function checkedRole(role: string): string {
  if (isRole(role)) return role;
  throw new CliError(`unknown role ${JSON.stringify(role)}; the roles are ${roleNames.join(", ")}`);
}

/**
 * The home organization of somebody who gets a role: the one that is named, or the only one there is.
 * A role on the instance takes no organization, so the home is the first one.
 *
 * @throws CliError if the organization is missing, unknown or not allowed. The message lists the organizations.
 */
export async function homeOf(
  directory: Directory,
  role: string,
  organization: string | undefined,
): Promise<string> {
  const organizations = await directory.organizations();
  const [first, second] = organizations;
  if (first === undefined) {
    throw new CliError("there is no organization yet; `giraffe org create NAME` creates one");
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
