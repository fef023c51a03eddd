import { type Admin, isoTime, report } from "../command/admin.ts";
import { directoryCommand } from "../command/directory-command.ts";
import { organizationDocument } from "../command/documents.ts";
import { formatTable } from "../command/table.ts";

/** `giraffe org list` */
export const orgList = directoryCommand({
  name: "org list",
  help: "list the organizations",
  options: () => ({}),
  run: listOrganizations,
});

/** Print all organizations. */
export async function listOrganizations(admin: Admin): Promise<void> {
  const organizations = await admin.directory.organizations();
  report(
    admin,
    organizations.map(organizationDocument),
    formatTable(
      ["ID", "NAME", "CREATED"],
      organizations.map(({ id, name, createdAt }) => [id, name, isoTime(createdAt)]),
    ),
  );
}
