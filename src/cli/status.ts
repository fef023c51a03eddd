import { releaseVersion } from "../config/version.ts";
import { type AdminOptions, adminFlags, anyCommand, withAdminOptions } from "./command/command.ts";
import { formatTable } from "./command/table.ts";

/** With `--check`: a start of this release would migrate the database. */
const exitWouldMigrate = 3;
/** With `--check`: a newer release has migrated the database, so this one refuses it. */
const exitTooNew = 4;

/** What becomes of the database when a server of this release starts. */
type Effect = "unchanged" | "migrated" | "refused";

const words: Readonly<Record<Effect, (newest: number) => string>> = {
  unchanged: () => "up to date",
  migrated: (newest) => `this release brings it to ${newest} at its first start`,
  refused: (newest) => `newer than this release, which knows only up to ${newest}`,
};

const checkedCodes = {
  unchanged: 0,
  migrated: exitWouldMigrate,
  refused: exitTooNew,
} as const satisfies Record<Effect, number>;

/** `giraffe status` */
export const status = anyCommand<AdminOptions & { readonly check: boolean }>({
  name: "status",
  help: "look at the database without changing it: engine, schema, organizations, users",
  flags: {
    check: { help: "exit with 3 if this release would migrate the database, 4 if it is too new" },
    ...adminFlags,
  },
  read: (line) => withAdminOptions(line, { check: line.given.check === true }),
  async run({ database, json, check }, out) {
    const { readStatus } = await import("../server/database.ts");
    const { engine, schemaVersion, newestSchema, organizations, users } =
      await readStatus(database);
    const effect = effectOf(schemaVersion, newestSchema);
    const version = releaseVersion();
    if (json) {
      const schema = { version: schemaVersion, newest: newestSchema, atStart: effect };
      out(JSON.stringify({ release: version, engine, schema, organizations, users }));
    } else {
      const rows = [
        ["engine", engine],
        ["schema", `${schemaVersion}, ${words[effect](newestSchema)}`],
        ["organizations", String(organizations)],
        ["users", String(users)],
      ];
      for (const line of formatTable(["release", version], rows)) out(line);
    }
    return check ? checkedCodes[effect] : 0;
  },
});

function effectOf(version: number, newest: number): Effect {
  if (version === newest) return "unchanged";
  return version < newest ? "migrated" : "refused";
}
