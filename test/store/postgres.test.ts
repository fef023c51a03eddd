import { openPostgres } from "../../src/store/postgres/database.ts";
import { createPostgresDirectory } from "../../src/store/postgres/directory.ts";
import { createPostgresEventStore } from "../../src/store/postgres/event-store.ts";
import { newPostgresDatabase } from "../postgres.ts";
import { describeDirectory } from "./directory.contract.ts";
import { describeEventStore } from "./event-store.contract.ts";

const now = () => Date.now() * 1000;
const newDatabase = async () => openPostgres(await newPostgresDatabase());

describeEventStore("PostgreSQL", async () =>
  createPostgresEventStore({ database: await newDatabase(), now }),
);
describeDirectory("PostgreSQL", async () => createPostgresDirectory(await newDatabase()));
