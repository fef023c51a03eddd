import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { openSqlite } from "../../src/store/sqlite/database.ts";
import { createSqliteEventStore } from "../../src/store/sqlite/event-store.ts";
import { createSqliteTransfer } from "../../src/store/sqlite/transfer.ts";
import { describeTransfer } from "./transfer.contract.ts";

const folder = mkdtempSync(join(tmpdir(), "giraffe-transfer-"));
afterAll(() => rmSync(folder, { recursive: true }));

describeTransfer("SQLite", async () => {
  const options = {
    database: openSqlite(join(folder, "giraffe.db")),
    now: () => Date.now() * 1000,
  };
  return { transfer: createSqliteTransfer(options), store: createSqliteEventStore(options) };
});
