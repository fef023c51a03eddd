import type { Config } from "../../config/config.ts";
import { createService, type Service } from "../../server/service.ts";
import { createCloseLog } from "../../telemetry/close-log.ts";
import { createLog, type Log, logRequest } from "../../telemetry/log.ts";
import { logStart } from "./log-start.ts";
import { logUpgrade } from "./log-upgrade.ts";
import type { Supervisor } from "./supervisor.ts";

/** EX_SOFTWARE of sysexits.h: a service manager should start the server again. */
const exitSoftware = 70;
/** EX_IOERR of sysexits.h: starting the server again does not help. */
const exitDatabaseGone = 74;

/**
 * Run the server until its supervisor stops it, then drain and return.
 *
 * @returns The exit code: 74 if the server stopped because the files of its database are gone.
 */
export async function runServer(config: Config, supervisor: Supervisor): Promise<number> {
  const log = createLog(config.logLevel, supervisor.together !== undefined);
  // After an unexpected error the state of the process is unknown, so it ends.
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (error) => {
      log.fatal({ err: error }, event);
      process.exit(exitSoftware);
    });
  }
  // Node.js would write warnings to stderr as plain text, among the JSON lines of the log.
  process.removeAllListeners("warning");
  process.on("warning", (warning) => log.warn({ err: warning }, "warning of Node.js"));

  const upgrade = logUpgrade(config.logLevel, supervisor.together !== undefined);
  const service = await createService(config, (record) => logRequest(log, record), {
    observeClose: createCloseLog(log),
    allMetrics: supervisor.together?.count,
    upgrading: upgrade.progress,
  }).finally(upgrade.end);
  // What was not synced is lost if the machine goes now, and the system would not say so a second time.
  service.failed.then((error) => {
    log.fatal({ err: error }, "the disk failed: stopping at once");
    process.exit(exitSoftware);
  });
  supervisor.together?.onCount(service.metrics);
  // Before they are read for the first time, because they may be replaced right after that.
  supervisor.onReload(() => {
    try {
      service.reloadTls();
      log.info("read the TLS files again");
    } catch (error) {
      log.error({ err: error }, "the TLS files cannot be used; the old ones stay");
    }
  });
  const url = await service.listen();
  const stopped = supervisor.stop();
  if (service.isNew) log.info({ file: config.adminTokenFile }, "wrote the first token");
  warnOfCollisions(log, service.collisions);
  service.onNodes((down) => logNodes(log, down));
  const { engine, schemaVersion } = service.database;
  const start = { url, engine, schemaVersion };
  // With several processes the first one logs this, once for all.
  if (supervisor.together === undefined) logStart(log, config, start);
  supervisor.ready(start);

  const reason = await Promise.race([stopped, service.gone]);
  if (reason instanceof Error) log.fatal({ err: reason }, "the database is gone: stopping");
  else log.info({ reason, drainMs: config.drainMs }, "draining");
  await service.close();
  log.info("stopped");
  return reason instanceof Error ? exitDatabaseGone : 0;
}

/** Users that are logged one by one. Of the others only the number is logged. */
const maxCollisionLines = 100;

/** Logs ids only, because the log holds no names. */
function warnOfCollisions(log: Log, collisions: Service["collisions"]): void {
  for (const { stream, holder } of collisions.slice(0, maxCollisionLines)) {
    log.warn(
      { userId: stream, holder },
      "the user name of this user belongs to another user: change it, or remove the user",
    );
  }
  const more = collisions.length - maxCollisionLines;
  if (more > 0) log.warn({ more }, "there are more users whose user names belong to other users");
}

function logNodes(log: Log, down: readonly string[]): void {
  if (down.length === 0) log.info("all nodes of the database answer again");
  else log.warn({ down }, "nodes of the database do not answer: their users cannot be served");
}
