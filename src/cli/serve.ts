import { relative } from "node:path";
import { demoUserId } from "../bootstrap.ts";
import type { Config } from "../config.ts";
import { createService } from "../service.ts";
import { createLog, logRequest } from "../telemetry/log.ts";

/** For sysexits' EX_SOFTWARE: a supervisor should start us again. */
const exitSoftware = 70;

/**
 * Run the server until SIGTERM or SIGINT, then drain and return. A second signal ends at once. SIGHUP
 * reads the TLS files again.
 *
 * @param out Prints one line on stdout: a banner, whose last line is `ready URL`.
 */
export async function serve(config: Config, out: (line: string) => void): Promise<void> {
  const log = createLog(config.logLevel);
  // What nobody foresaw leaves a state that nobody knows: stop, and let the supervisor start again.
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (error) => {
      log.fatal({ err: error }, event);
      process.exit(exitSoftware);
    });
  }

  const service = await createService(config, (record) => logRequest(log, record));
  const url = await service.listen();
  const ended = firstSignal();
  process.on("SIGHUP", () => {
    try {
      service.reloadTls();
      log.info("read the TLS files again");
    } catch (error) {
      log.error({ err: error }, "the TLS files cannot be used; the old ones stay");
    }
  });
  if (service.isNew) log.info({ file: config.adminTokenFile }, "wrote the first token");
  // Last, because whoever reads "ready" may signal at once.
  for (const line of banner(config, url)) out(line);

  const signal = await ended;
  log.info({ signal, drainMs: config.drainMs }, "draining");
  await service.close();
  log.info("stopped");
}

function firstSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const name of ["SIGTERM", "SIGINT"] as const) {
      process.once(name, (signal) => {
        resolve(signal);
        for (const again of ["SIGTERM", "SIGINT"] as const) {
          process.once(again, () => process.exit(1));
        }
      });
    }
  });
}

/** With `--demo`: calls that work when pasted. The last line says that the server is ready. */
function banner({ demo, adminTokenFile }: Config, url: string): string[] {
  const ready = `ready ${url}`;
  if (!demo) return [ready];
  const token =
    adminTokenFile === undefined ? "$TOKEN" : `$(cat '${relative("", adminTokenFile)}')`;
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
    `    npx buf curl --reflect --protocol grpc ${isTls ? "" : "--http2-prior-knowledge "}${authorization} \\`,
    `      -d '{"userId":"${demoUserId}"}' ${url}/${service}/GetHumanProfile`,
    "",
    `    grpcurl ${isTls ? "" : "-plaintext "}${authorization} \\`,
    `      -d '{"userId":"${demoUserId}"}' ${host} ${service}/GetHumanProfile`,
    "",
    ready,
  ];
}
