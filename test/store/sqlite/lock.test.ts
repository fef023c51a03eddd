import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { openSqlite } from "../../../src/store/sqlite/database.ts";
import { DatabaseLockedError, lockDatabase } from "../../../src/store/sqlite/file/lock.ts";

const folder = mkdtempSync(join(tmpdir(), "giraffe-lock-"));
afterAll(() => rmSync(folder, { recursive: true }));

const door = new URL("../../../src/store/sqlite/file/lock.ts", import.meta.url);

/** Another process that runs `program` with `file` as its argument. */
function start(program: string, file: string) {
  const child = spawn(process.execPath, ["--input-type=module", "-e", program, file], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  return child;
}

/** Another process that holds the lock until it is killed. */
async function otherHolder(file: string) {
  const child = start(
    `const { lockDatabase } = await import(${JSON.stringify(door.href)});
     globalThis.lock = lockDatabase(process.argv[1]); setInterval(() => {}, 60_000);
     process.stdout.write("locked");`,
    file,
  );
  await once(child.stdout, "data");
  return child;
}

/** What another process gets that asks for the lock. */
async function attempt(file: string): Promise<string> {
  const child = start(
    `const { lockDatabase } = await import(${JSON.stringify(door.href)});
     try { lockDatabase(process.argv[1]); process.stdout.write("locked"); }
     catch (error) { process.stdout.write(error.name); }`,
    file,
  );
  const [data] = await once(child.stdout, "data");
  return String(data);
}

describe("lockDatabase", () => {
  test("refuses a second server in the same process until the first gives the lock back", () => {
    const file = join(folder, "same", "giraffe.db");
    const lock = lockDatabase(file);
    expect(() => lockDatabase(file)).toThrow(
      new DatabaseLockedError(`another server is using the database ${file}`),
    );
    lock.close();
    lockDatabase(file).close();
  });

  test("refuses a second process, and is released when the first is killed", async () => {
    const file = join(folder, "killed.db");
    const holder = await otherHolder(file);
    expect(() => lockDatabase(file)).toThrow(DatabaseLockedError);
    holder.kill("SIGKILL");
    await once(holder, "exit");
    lockDatabase(file).close();
  });

  test("keeps the lock when this process asks for it again, and opens the database", async () => {
    const file = join(folder, "again.db");
    const lock = lockDatabase(file);
    openSqlite(file);
    expect(() => lockDatabase(file)).toThrow(DatabaseLockedError);
    expect(await attempt(file)).toBe("DatabaseLockedError");
    lock.close();
    expect(await attempt(file)).toBe("locked");
  });

  test("follows a symbolic link", () => {
    const directory = join(folder, "real");
    mkdirSync(directory);
    symlinkSync(directory, join(folder, "link"));
    const lock = lockDatabase(join(directory, "giraffe.db"));
    expect(() => lockDatabase(join(folder, "link", "giraffe.db"))).toThrow(DatabaseLockedError);
    lock.close();
  });

  test("names the file that it cannot use", () => {
    const file = join(folder, "no-lock.db");
    mkdirSync(`${file}-serve.lock`);
    expect(() => lockDatabase(file)).toThrow(
      expect.objectContaining({
        name: "StoreUnavailableError",
        message: expect.stringContaining(`cannot open the database ${file}-serve.lock: `),
      }),
    );
  });

  test("does not block the database itself", () => {
    const file = join(folder, "beside.db");
    const lock = lockDatabase(file);
    const database = openSqlite(file);
    database.acquire().exec("insert into organizations values ('1', 'Giraffe', 0)");
    database.release();
    lock.close();
  });
});
