import { type Config, ConfigError } from "../../config/config.ts";

/**
 * Keep the debugger of Node.js closed: whoever reaches its port can read every token and every profile, and change the
 * program. SIGUSR1 would open it, so that signal does nothing. A server for tests has nothing to hide.
 *
 * @throws ConfigError if it is open.
 */
export async function refuseDebugger({ test }: Config): Promise<void> {
  if (test || !process.features.inspector) return;
  process.on("SIGUSR1", () => {});
  const { url } = await import("node:inspector");
  if (url() === undefined) return;
  throw new ConfigError([
    "the debugger of Node.js is open, and whoever reaches it can read and do everything: start without --inspect, " +
      "also in NODE_OPTIONS; only a server with --test may be debugged",
  ]);
}
