import type { Config } from "../../config/config.ts";
import type { Out } from "../command/command.ts";
import { banner } from "./banner.ts";
import type { Supervisor } from "./supervisor.ts";

/**
 * The supervisor of a server that is alone: SIGTERM and SIGINT drain it, a second one of them ends the
 * process at once with exit code 1, and SIGHUP reads the TLS files again.
 *
 * @param out Prints the banner.
 */
export function signalSupervisor(config: Config, out: Out): Supervisor {
  return {
    // Called after the signal handlers are set, because whoever reads "ready" may send a signal at once.
    ready({ url }) {
      for (const line of banner(config, url)) out(line);
    },
    stop: () => firstSignal(() => process.exit(1)),
    onReload: (reload) => void process.on("SIGHUP", reload),
  };
}

/**
 * @param onFurther Called on every further SIGTERM or SIGINT.
 * @returns Resolves with the name of the first one.
 */
export function firstSignal(onFurther: () => void): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let isFirst = true;
    for (const name of ["SIGTERM", "SIGINT"] as const) {
      process.on(name, () => {
        if (!isFirst) onFurther();
        isFirst = false;
        resolve(name);
      });
    }
  });
}
