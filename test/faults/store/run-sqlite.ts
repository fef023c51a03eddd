import { failedSyncs } from "./failed-syncs.ts";
import { runFaults } from "./run-faults.ts";
import { sqliteFaults } from "./sqlite.ts";

await runFaults([...sqliteFaults, ...failedSyncs]);
