import { machineFaults } from "./machine.ts";
import { runFaults } from "./run-faults.ts";
import { sqliteFaults } from "./sqlite.ts";

await runFaults([...sqliteFaults, ...machineFaults]);
