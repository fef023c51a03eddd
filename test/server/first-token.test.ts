import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { bootstrap } from "../../src/server/bootstrap.ts";
import type { Directory } from "../../src/store/directory.ts";
import {
  type EventStore,
  OutcomeUnknownError,
  StoreUnavailableError,
} from "../../src/store/event-store.ts";

test.for([
  { error: new StoreUnavailableError("the database is away"), files: 0 },
  // The token may be stored, so somebody may need it.
  { error: new OutcomeUnknownError("the connection was lost"), files: 1 },
])(
  "of a start that ends with $error.name, $files files with a token are left",
  async ({ error, files }) => {
    const folder = mkdtempSync(join(tmpdir(), "giraffe-token-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const directory: Pick<Directory, "organizations" | "found"> = {
      organizations: async () => [],
      found: () => Promise.reject(error),
    };
    const options = {
      adminTokenFile: join(folder, "admin.token"),
      demo: false,
      newId: () => "1",
      now: () => 1,
    };
    await expect(bootstrap({} as EventStore, directory as Directory, options)).rejects.toBe(error);
    expect(readdirSync(folder)).toHaveLength(files);
  },
);
