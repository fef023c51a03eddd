import { type Directory, RecordExistsError } from "../../store/directory.ts";
import type { Micros } from "../../store/event-store.ts";

/** An organization of an input. */
export type NewOrganization = {
  readonly id: string;
  readonly name: string;
  readonly createdAt: Micros;
};

/**
 * Create those of the organizations that do not exist. One whose name is taken gets its id behind its name.
 *
 * @param tell Told of each whose name had to be changed.
 */
export async function addOrganizations(
  directory: Pick<Directory, "add" | "organization">,
  organizations: readonly NewOrganization[],
  tell: (line: string) => void,
): Promise<void> {
  for (const each of organizations) {
    if ((await directory.organization(each.id)) !== undefined) continue;
    const name = await addOne(directory, each, [each.name, `${each.name} (${each.id})`]);
    if (name !== undefined && name !== each.name) {
      tell(
        `an organization is named ${JSON.stringify(each.name)} already: ${each.id} is named ${JSON.stringify(name)}`,
      );
    }
  }
}

/**
 * @param names To be tried one after another.
 * @returns The one that it has now; `undefined` if it exists, because another import has created it meanwhile.
 * @throws RecordExistsError if no name is free.
 */
async function addOne(
  directory: Pick<Directory, "add" | "organization">,
  organization: NewOrganization,
  [name = "", ...others]: readonly string[],
): Promise<string | undefined> {
  try {
    await directory.add({ organizations: [{ ...organization, name }] });
    return name;
  } catch (error) {
    if (!(error instanceof RecordExistsError)) throw error;
    if ((await directory.organization(organization.id)) !== undefined) return undefined;
    if (others.length === 0) throw error;
    return addOne(directory, organization, others);
  }
}
