import { type Organization, RecordExistsError } from "../store/directory.ts";
import { type Admin, CliError, checkedName, isoTime, report } from "./admin.ts";
import { formatTable } from "./table.ts";

/** @throws CliError if the name is no name, or another organization has it. */
export async function createOrganization(
  admin: Admin,
  options: { readonly name: string },
): Promise<void> {
  const name = checkedName("organization", options.name);
  const organization = { id: admin.ids(), name, createdAt: admin.now() };
  try {
    await admin.directory.add({ organizations: [organization] });
  } catch (error) {
    if (!(error instanceof RecordExistsError)) throw error;
    throw new CliError(`organization ${JSON.stringify(name)} exists already`, { cause: error });
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
