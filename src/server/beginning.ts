import type { Config } from "../config/config.ts";
import { bootstrap, organizationId } from "./bootstrap.ts";

/** What sets up an empty database: `bootstrap`, and then the users of `--seed`, if there is one. */
export function beginning({ seedFile }: Pick<Config, "seedFile">): typeof bootstrap {
  if (seedFile === undefined) return bootstrap;
  return async (store, directory, options) => {
    const { usersFromFile, withOrganizations } = await import("./seed-file.ts");
    const { addUsers } = await import("./seed.ts");
    const users = usersFromFile(seedFile);
    const isNew = await bootstrap(store, directory, options);
    const { organizations } = withOrganizations({ organizations: [], users });
    const createdAt = options.now();
    const others = organizations.map((id) => ({ id, name: id, createdAt }));
    await directory.add({ organizations: others });
    const admin = await directory.serviceAccountByName(organizationId, "admin");
    await addUsers(store, users, {
      newId: options.newId,
      known: [organizationId, ...organizations],
      creator: admin?.id ?? "",
    });
    return isNew;
  };
}
