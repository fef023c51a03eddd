import { relative, resolve } from "node:path";
import type { Config } from "../../config/config.ts";
import { demoUserId } from "../../server/bootstrap.ts";

/**
 * What `serve` prints on stdout when it listens. With `--demo`: calls that work when pasted, and where
 * the console is. The last line is `ready URL`.
 */
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

/** Relative if the file is below the working directory, else absolute. */
function shortPath(file: string): string {
  const path = relative("", file);
  return path.startsWith("..") ? resolve(file) : path;
}
