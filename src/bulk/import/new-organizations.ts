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
    const names = [each.name, `${each.name} (${each.id})`];
    const name = await firstFree(names, (name) =>
      directory.add({ organizations: [{ ...each, name }] }),
    );
    if (name !== each.name) {
      tell(
        `an organization is named ${JSON.stringify(each.name)} already: ${each.id} is named ${JSON.stringify(name)}`,
      );
    }
  }
}

/** @throws RecordExistsError if no name is free. */
async function firstFree(
  [name = "", ...others]: readonly string[],
  add: (name: string) => Promise<void>,
): Promise<string> {
  try {
    await add(name);
    return name;
  } catch (error) {
    if (!(error instanceof RecordExistsError) || others.length === 0) throw error;
    return firstFree(others, add);
  }
}
