/**
 * Loaded before a server: SQLite reports once that a commit could not be synced. That is when the file is there that
 * this module's URL names; the file says whether the transaction is then in the log ("kept") or not ("lost"). Whatever
 * is written after that is told on stderr.
 */

import { existsSync, readFileSync, rmSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import workerThreads from "node:worker_threads";

const file = fileURLToPath(new URL(import.meta.url).searchParams.get("when") ?? "");
const { exec } = DatabaseSync.prototype;
let hasFailed = false;

DatabaseSync.prototype.exec = function (statement) {
  if (hasFailed && !statement.startsWith("rollback")) {
    process.stderr.write(`after the failure: ${statement}\n`);
  }
  if (statement !== "commit" || !existsSync(file)) return exec.call(this, statement);
  const word = readFileSync(file, "utf8");
  rmSync(file);
  hasFailed = true;
  if (word === "kept") exec.call(this, statement);
  throw Object.assign(new Error("disk I/O error"), { code: "ERR_SQLITE_ERROR", errcode: 1034 });
};

// Node.js does not load such modules in threads that run a text, so the text loads this one.
workerThreads.Worker = class extends workerThreads.Worker {
  constructor(text: string | URL, options?: workerThreads.WorkerOptions) {
    super(`import(${JSON.stringify(import.meta.url)}).then(() => { ${text} })`, options);
  }
};
syncBuiltinESMExports();
