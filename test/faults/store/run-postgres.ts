import { postgresFaults } from "./postgres.ts";
import { runFaults } from "./run-faults.ts";

await runFaults(postgresFaults);
