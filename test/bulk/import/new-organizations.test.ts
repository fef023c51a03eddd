import { describe, expect, onTestFinished, test } from "vitest";
import { addOrganizations } from "../../../src/bulk/import/new-organizations.ts";
import type { Directory } from "../../../src/store/directory.ts";
import { openPostgres } from "../../../src/store/postgres/database.ts";
import { createPostgresDirectory } from "../../../src/store/postgres/directory.ts";
import { openSqlite } from "../../../src/store/sqlite/database.ts";
import { createSqliteDirectory } from "../../../src/store/sqlite/directory.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";

const zoo = { id: "1", name: "Zoo", createdAt: 1 };

describe.for([
  { engine: "SQLite", open: async () => createSqliteDirectory(openSqlite(":memory:")) },
  {
    engine: "PostgreSQL",
    open: async () => createPostgresDirectory(await openPostgres(await newPostgresDatabase())),
  },
])("organizations of an input, on $engine", ({ open }) => {
  /** Adds the zoo to a directory, in which some have its name, while another import does so. */
  async function addZoo(
    names: readonly string[],
    { besideAdd = async () => {} }: { besideAdd?: (directory: Directory) => Promise<void> } = {},
  ) {
    const directory = await open();
    onTestFinished(() => directory.close());
    await directory.add({
      organizations: names.map((name, index) => ({ id: `other ${index}`, name, createdAt: 1 })),
    });
    const told: string[] = [];
    await addOrganizations(
      {
        organization: (id) => directory.organization(id),
        async add(records) {
          await besideAdd(directory);
          await directory.add(records);
        },
      },
      [zoo],
      (line) => told.push(line),
    );
    return { told, name: (await directory.organization(zoo.id))?.name };
  }

  const otherImport = (directory: Directory) => addOrganizations(directory, [zoo], () => {});

  test("one whose name is taken gets its id behind its name", async () => {
    expect(await addZoo(["Zoo"])).toEqual({
      told: ['an organization is named "Zoo" already: 1 is named "Zoo (1)"'],
      name: "Zoo (1)",
    });
  });

  test("one for which no name is free is an error", async () => {
    await expect(addZoo(["Zoo", "Zoo (1)"])).rejects.toThrow("exists");
  });

  test.for([
    { taken: [], name: "Zoo" },
    { taken: ["Zoo"], name: "Zoo (1)" },
  ])("one that another import creates meanwhile as $name is left as it is", async (row) => {
    const { taken, name } = row;
    expect(await addZoo(taken, { besideAdd: otherImport })).toEqual({ told: [], name });
  });
});
