import { type Config, readConfig } from "../config/config.ts";
import { serveSettings } from "../config/settings.ts";
import { anyCommand } from "./command/command.ts";
import { refuseDebugger } from "./serve/debugger.ts";
import { collectYoungObjectsAlone } from "./serve/young-objects.ts";

/** `giraffe serve` */
export const serve = anyCommand<Config>({
  name: "serve",
  help: "run the server until SIGTERM or SIGINT",
  flags: serveSettings,
  read: ({ given, environment }) => readConfig(given, environment),
  async run(config, out) {
    // Without a listener it would end a server that has not read its TLS files yet, and will.
    process.on("SIGHUP", () => {});
    await refuseDebugger(config);
    collectYoungObjectsAlone();
    if (config.workers === 1) {
      const { runServer } = await import("./serve/run-server.ts");
      const { signalSupervisor } = await import("./serve/signals.ts");
      return runServer(config, signalSupervisor(config, out));
    }
    // This process may be the first one or a worker.
    const { serveTogether } = await import("./serve/workers.ts");
    return serveTogether(config, out);
  },
});
