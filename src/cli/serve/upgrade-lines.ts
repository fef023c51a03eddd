/** The thread that says how far an upgrade of the database is, because the calling thread has no time for it. */

import { workerData } from "node:worker_threads";
import { createLog } from "../../telemetry/log.ts";
import type { UpgradeLines } from "./log-upgrade.ts";

/** A start that takes longer because it brings the database up to date says so as often. */
const lineMs = 5_000;

const { logLevel, isShared, state }: UpgradeLines = workerData;
const far = new Int32Array(state);
const log = createLog(logLevel, isShared);
const began = performance.now();

setInterval(() => {
  const [schema, users] = [Atomics.load(far, 0), Atomics.load(far, 1)];
  const seconds = Math.round((performance.now() - began) / 1_000);
  log.info(
    { schema, seconds, ...(users > 0 && { users }) },
    "bringing the database up to date: the step to this schema is under way",
  );
}, lineMs);
