import { relative, resolve } from "node:path";
import type { Config } from "../../config/config.ts";
import { demoUserId } from "../../server/bootstrap.ts";
import { createService, type Service } from "../../server/service.ts";
import type { Snapshot } from "../../telemetry/exposition.ts";
import { createLog, type Log, logRequest } from "../../telemetry/log.ts";

/** For sysexits' EX_SOFTWARE: a supervisor should start us again. */
const exitSoftware = 70;
/** For sysexits' EX_IOERR: to start again would not help. */
const exitDatabaseGone = 74;

/** Who hears that a server is ready, and tells it what to do. */
export type Supervisor = {
  /** May tell it to stop at once. */
  ready(url: string): void;
  /** Called once, before `ready`. Resolves with the reason, when it is time to drain. */
  stop(): Promise<string>;
  /** @param reload Reads the TLS files again. */
  onReload(reload: () => void): void;
  /** The processes that share the port. Default: there is only this one. */
  readonly together?: {
    /** @param count What this process has counted. */
    onCount(count: () => Promise<Snapshot>): void;
    /** What all of them have counted. */
    count(): Promise<readonly Snapshot[]>;
  };
};

/**
 * Run the server until its supervisor stops it, then drain and return.
 *
 * @returns The exit code: 74 if the server stopped because the files of its database are gone.
 */
export async function runServer(config: Config, supervisor: Supervisor): Promise<number> {
  const log = createLog(config.logLevel);
  // What nobody foresaw leaves a state that nobody knows: stop, and let the supervisor start again.
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (error) => {
      log.fatal({ err: error }, event);
      process.exit(exitSoftware);
    });
  }
  // Node writes them to stderr as plain text, among the lines of the log.
  process.removeAllListeners("warning");
  process.on("warning", (warning) => log.warn({ err: warning }, "warning of Node.js"));

  const service = await createService(config, (record) => logRequest(log, record), {
    allMetrics: supervisor.together?.count,
  });
  supervisor.together?.onCount(service.metrics);
  const url = await service.listen();
  const stopped = supervisor.stop();
  supervisor.onReload(() => {
    try {
      service.reloadTls();
      log.info("read the TLS files again");
    } catch (error) {
      log.error({ err: error }, "the TLS files cannot be used; the old ones stay");
    }
  });
  if (service.isNew) log.info({ file: config.adminTokenFile }, "wrote the first token");
  warnOfCollisions(log, service.collisions);
  supervisor.ready(url);

  const reason = await Promise.race([stopped, service.gone]);
  if (reason instanceof Error) log.fatal({ err: reason }, "the database is gone: stopping");
  else log.info({ reason, drainMs: config.drainMs }, "draining");
  await service.close();
  log.info("stopped");
  return reason instanceof Error ? exitDatabaseGone : 0;
}

/** More than anybody reads. */
const maxCollisionLines = 100;

/** Ids, not names: no name is in the log. */
function warnOfCollisions(log: Log, collisions: Service["collisions"]): void {
  for (const { stream, holder } of collisions.slice(0, maxCollisionLines)) {
    log.warn(
      { userId: stream, holder },
      "this user's user name belongs to another user: give it another one, or remove the user",
    );
  }
  const more = collisions.length - maxCollisionLines;
  if (more > 0) log.warn({ more }, "more users whose user names belong to others");
}

/**
 * Run until SIGTERM or SIGINT. A second one ends at once. SIGHUP reads the TLS files again.
 *
 * @param out Prints one line on stdout: a banner, whose last line is `ready URL`.
 */
export function underSignals(config: Config, out: (line: string) => void): Supervisor {
  return {
    // Last, because whoever reads "ready" may signal at once.
    ready(url) {
      for (const line of banner(config, url)) out(line);
    },
    stop: () => firstSignal(() => process.exit(1)),
    onReload: (reload) => void process.on("SIGHUP", reload),
  };
}

/**
 * @param atOnce Called on every further signal.
 * @returns Resolves with the name of the first SIGTERM or SIGINT.
 */
export function firstSignal(atOnce: () => void): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let isFirst = true;
    for (const name of ["SIGTERM", "SIGINT"] as const) {
      process.on(name, () => {
        if (!isFirst) atOnce();
        isFirst = false;
        resolve(name);
      });
    }
  });
}

/** With `--demo`: calls that work when pasted, and the console. The last line is `ready URL`. */
export function banner({ demo, adminTokenFile }: Config, url: string): string[] {
  const ready = `ready ${url}`;
  if (!demo) return [ready];
  const tokenFile = adminTokenFile && shortPath(adminTokenFile);
  const token = tokenFile === undefined ? "$TOKEN" : `$(cat '${tokenFile}')`;
  const credential = tokenFile === undefined ? "a token" : `the token in ${tokenFile}`;
  const authorization = `-H "Authorization: Bearer ${token}"`;
  const profile =
    '{"firstName":"Gigi","lastName":"Giraffe","nickName":"Gigi","displayName":"Gigi"}';
  const service = "zitadel.management.v1.ManagementService";
  const { host, protocol } = new URL(url);
  const isTls = protocol === "https:";
  return [
    "",
    "  Giraffe keeps profiles. Change one:",
    "",
    `    curl -X PUT ${url}/management/v1/users/${demoUserId}/profile \\`,
    `      ${authorization} \\`,
    `      -d '${profile}'`,
    "",
    "  Read it over gRPC:",
    "",
    `    npx @bufbuild/buf curl --reflect --protocol grpc ${isTls ? "" : "--http2-prior-knowledge "}${authorization} \\`,
    `      -d '{"userId":"${demoUserId}"}' ${url}/${service}/GetHumanProfile`,
    "",
    `    grpcurl ${isTls ? "" : "-plaintext "}${authorization} \\`,
    `      -d '{"userId":"${demoUserId}"}' ${host} ${service}/GetHumanProfile`,
    "",
    `  Or open ${url} in a browser and sign in with ${credential}`,
    "",
    ready,
  ];
}

/** From here if it is below here, else from the root. */
function shortPath(file: string): string {
  const path = relative("", file);
  return path.startsWith("..") ? resolve(file) : path;
}
