import { type Organization, RecordExistsError } from "../store/directory.ts";
import { type Admin, CliError, checkedName, isoTime, report } from "./admin.ts";
import { formatTable } from "./table.ts";

/**
 * @param options.id Such as the one that it had on another instance. Default: a new one.
 * @throws CliError if name or id is none, or another organization has it.
 */
export async function createOrganization(
  admin: Admin,
  options: { readonly name: string; readonly id?: string | undefined },
): Promise<void> {
  const name = checkedName("organization", options.name);
  const id = options.id === undefined ? admin.ids() : checkedName("id", options.id);
  const organization = { id, name, createdAt: admin.now() };
  try {
    await admin.directory.add({ organizations: [organization] });
  } catch (error) {
    if (!(error instanceof RecordExistsError)) throw error;
    const other = await admin.directory.organization(id);
    const what = other === undefined ? `organization ${JSON.stringify(name)}` : `the id ${id}`;
    throw new CliError(`${what} exists already`, { cause: error });
  }
  report(admin, documentOf(organization), [`created organization ${organization.id} ${name}`]);
}

export async function listOrganizations(admin: Admin): Promise<void> {
  const organizations = await admin.directory.organizations();
  report(
    admin,
    organizations.map(documentOf),
    formatTable(
      ["ID", "NAME", "CREATED"],
      organizations.map(({ id, name, createdAt }) => [id, name, isoTime(createdAt)]),
    ),
  );
}

function documentOf({ id, name, createdAt }: Organization) {
  return { id, name, createdAt: isoTime(createdAt) };
}
