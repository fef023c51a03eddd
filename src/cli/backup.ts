import type { Meter } from "../bulk/meter.ts";
import { type AdminOptions, adminFlags, anyCommand, withAdminOptions } from "./command/command.ts";

/** `giraffe backup FILE` */
export const backup = anyCommand<AdminOptions & { readonly file: string }>({
  name: "backup",
  help: "copy the SQLite database into a new file while a server uses it",
  argument: "FILE",
  flags: adminFlags,
  read: (line) => withAdminOptions(line, { file: line.argument }),
  async run({ database, json, file }, out) {
    const { backUpDatabase } = await import("../server/database.ts");
    const { createMeter } = await import("../bulk/meter.ts");
    let meter: Meter | undefined;
    try {
      await backUpDatabase(database, file, (copied, whole) => {
        meter ??= createMeter("MB", whole);
        meter.show(Math.floor(copied / 1e6), copied);
      });
    } finally {
      meter?.end();
    }
    out(json ? JSON.stringify({ file }) : `backed up to ${file}`);
    return 0;
  },
});
