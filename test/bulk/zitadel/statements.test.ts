import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createPlace } from "../../cli/serving.ts";
import { root } from "../../support/child.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";
import { fillTables, instance, printed } from "../../support/zitadel/database.ts";
import { present } from "../../support/zitadel/files.ts";
import { makeWorld } from "../../support/zitadel/world.ts";
import { expectMetadata, expectPeople, serveImported } from "./served.ts";

const page = readFileSync(join(root, "docs/zitadel.md"), "utf8");
const statements = [...page.matchAll(/^```sql\n(.*?)^```$/gms)].map(([, text = ""]) => text);

test.for([
  { form: "zitadel-events", table: "eventstore.events2" },
  { form: "zitadel-users", table: "projections.users14" },
])("the statement in the documents makes a file for $form", async ({ form, table }) => {
  const world = makeWorld({ people: 120 });
  const zitadel = await newPostgresDatabase();
  await fillTables(zitadel, world);
  const statement = statements.find((text) => text.includes(table)) ?? "";
  const place = createPlace();
  const file = join(place.folder, "input");
  writeFileSync(file, await printed(zitadel, statement.replaceAll("INSTANCE", instance)));
  await place.administer("org", "create", "Zoo");
  const ended = await place.administer("import", "--from", form, file, "--json");
  expect(JSON.parse(ended.stdout)).toMatchObject({
    imported: present(world).length,
    rejected: 0,
  });
  const served = await serveImported(place);
  await expectPeople(served, world, { withOrigin: true });
  await expectMetadata(served, world);
});
