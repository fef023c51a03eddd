import type { Database } from "../config.ts";
import { backUpDatabase } from "../service.ts";
import { createMeter, type Meter } from "./meter.ts";

/** @throws What `backUpDatabase` throws. */
export async function backUpTo(file: string, database: Database): Promise<void> {
  let meter: Meter | undefined;
  try {
    await backUpDatabase(database, file, (copied, whole) => {
      meter ??= createMeter("MB", whole);
      meter.show(Math.floor(copied / 1e6), copied);
    });
  } finally {
    meter?.end();
  }
}
