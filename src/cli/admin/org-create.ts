import { RecordExistsError } from "../../store/directory.ts";
import { type Admin, CliError, checkedName, report } from "../command/admin.ts";
import { textOf } from "../command/command.ts";
import { directoryCommand } from "../command/directory-command.ts";
import { organizationDocument } from "../command/documents.ts";

/** `giraffe org create NAME` */
export const orgCreate = directoryCommand({
  name: "org create",
  help: "create an organization",
  argument: "NAME",
  flags: {
    id: {
      argument: "ID",
      help: "its id on another instance, if users are imported from there (default: a new id)",
    },
  },
  options: ({ argument, given }) => ({ name: argument, id: textOf(given, "id") }),
  mayCreate: true,
  check: assertOrganization,
  run: createOrganization,
});

type NewOrganization = {
  readonly name: string;
  /** For example its id on another instance. Default: a new one. */
  readonly id?: string | undefined;
};

/** @throws CliError if the name or the id is not acceptable. */
function assertOrganization({ name, id }: NewOrganization): void {
  checkedName("organization", name);
  if (id !== undefined) checkedName("id", id);
}

/** @throws CliError if the name or the id is not acceptable, or belongs to another organization. */
export async function createOrganization(admin: Admin, options: NewOrganization): Promise<void> {
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
  report(admin, organizationDocument(organization), [`created organization ${id} ${name}`]);
}
