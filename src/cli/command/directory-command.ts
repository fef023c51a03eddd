import type { Setting } from "../../config/settings.ts";
import type { Admin } from "./admin.ts";
import {
  type AdminOptions,
  type AnyCommand,
  adminFlags,
  anyCommand,
  type Line,
  withAdminOptions,
} from "./command.ts";

/**
 * A command that lists or changes organizations, tokens or roles. It opens the directory, which works
 * while a server uses the database, and closes it at the end.
 *
 * @param command.run Throws CliError if the command cannot be done.
 */
export function directoryCommand<Options>(command: {
  readonly name: string;
  readonly help: string;
  readonly argument?: string;
  /** Beside `adminFlags`. Default: none. */
  readonly flags?: Readonly<Record<string, Setting>>;
  readonly required?: readonly string[];
  readonly options: (line: Line) => Options;
  /** Whether to create a database that does not exist. Default: false. */
  readonly mayCreate?: true;
  /** Called before a database is created, so that a command that is refused here creates none. */
  readonly check?: (options: Options) => void;
  readonly run: (admin: Admin, options: Options) => Promise<void>;
}): AnyCommand {
  const { options, run, check, mayCreate = false, flags = {}, ...rest } = command;
  return anyCommand<AdminOptions & Options>({
    ...rest,
    flags: { ...flags, ...adminFlags },
    read: (line) => withAdminOptions(line, options(line)),
    async run(given, out) {
      const { openDirectory, wallClock } = await import("../../server/database.ts");
      const { createIdGenerator } = await import("../../access/id.ts");
      check?.(given);
      const directory = await openDirectory(given.database, mayCreate);
      const ids = createIdGenerator({ now: wallClock });
      try {
        await run({ directory, ids, now: wallClock, out, json: given.json }, given);
        return 0;
      } finally {
        await directory.close();
      }
    },
  });
}
