import { type Config, readConfig, serveSettings } from "../config/config.ts";
import { anyCommand } from "./command.ts";

/** `giraffe serve` */
export const serve = anyCommand<Config>({
  name: "serve",
  help: "run the server until SIGTERM or SIGINT",
  flags: serveSettings,
  read: ({ given, environment }) => readConfig(given, environment),
  async run(config, out) {
    if (config.workers === 1) {
      const { runServer, underSignals } = await import("./serve/run-server.ts");
      return runServer(config, underSignals(config, out));
    }
    // Several workers are processes of their own, of which this may be one.
    const { serveTogether } = await import("./serve/workers.ts");
    return serveTogether(config, out);
  },
});
