import type { UserLines } from "../../bulk/line/user-line.ts";
import type { Setting } from "../../config/settings.ts";
import type { Directory } from "../../store/directory.ts";
import type { Transfer } from "../../store/transfer.ts";
import {
  type AdminOptions,
  type AnyCommand,
  adminFlags,
  anyCommand,
  type Line,
  type Out,
  withAdminOptions,
} from "./command.ts";

/** What a command that looks at users works with. */
export type UserAdmin = {
  readonly transfer: Transfer;
  readonly directory: Directory;
  readonly lines: UserLines;
  readonly out: Out;
  /** Whether to print one JSON document instead of text for people. */
  readonly json: boolean;
};

/**
 * A command that looks at users, beside a server or without one.
 *
 * @param command.run Throws CliError if the command cannot be done.
 */
export function transferCommand<Options>(command: {
  readonly name: string;
  readonly help: string;
  readonly argument?: string;
  /** Beside `adminFlags`. Default: none. */
  readonly flags?: Readonly<Record<string, Setting>>;
  readonly options: (line: Line) => Options;
  readonly run: (admin: UserAdmin, options: Options) => Promise<void>;
}): AnyCommand {
  const { options, run, flags = {}, ...rest } = command;
  return anyCommand<AdminOptions & Options>({
    ...rest,
    flags: { ...flags, ...adminFlags },
    read: (line) => withAdminOptions(line, options(line)),
    async run(given, out) {
      const { openTransfer } = await import("../../server/database.ts");
      const { createUserLines } = await import("../../bulk/line/user-line.ts");
      const { transfer, directory } = await openTransfer(given.database);
      try {
        const lines = createUserLines();
        await run({ transfer, directory, lines, out, json: given.json }, given);
        return 0;
      } finally {
        await transfer.close();
        await directory.close();
      }
    },
  });
}
