import { type Admin, isoTime, report } from "./admin.ts";
import { directoryCommand } from "./directory-command.ts";
import { organizationDocument } from "./documents.ts";
import { formatTable } from "./table.ts";

/** `giraffe org list` */
export const orgList = directoryCommand({
  name: "org list",
  help: "list the organizations",
  options: () => ({}),
  run: listOrganizations,
});

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
