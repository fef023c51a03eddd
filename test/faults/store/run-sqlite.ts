import { runFaults } from "./run-faults.ts";
import { sqliteFaults } from "./sqlite.ts";

await runFaults(sqliteFaults);
