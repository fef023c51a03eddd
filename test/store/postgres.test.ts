import { openPostgres } from "../../src/store/postgres/database.ts";
import { createPostgresDirectory } from "../../src/store/postgres/directory.ts";
import { createPostgresEventStore } from "../../src/store/postgres/event-store.ts";
import { createTestDatabase } from "../postgres/test-database.ts";
import { describeDirectory } from "./directory.contract.ts";
import { describeEventStore } from "./event-store.contract.ts";

const openStore = async (url: string) =>
  createPostgresEventStore({ database: await openPostgres([url]), now: () => Date.now() * 1000 });

describeEventStore("PostgreSQL", async () => openStore(await createTestDatabase()));
describeDirectory("PostgreSQL", async () =>
  createPostgresDirectory(await openPostgres([await createTestDatabase()])),
);
