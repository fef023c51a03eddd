import { type Config, unknownVariables } from "../../config/config.ts";
import { releaseVersion } from "../../config/version.ts";
import { unknownVariableWarning, warningsOf } from "../../config/warnings.ts";
import type { Log } from "../../telemetry/log.ts";

/** What a server knows of itself when it listens. */
export type Start = {
  readonly url: string;
  readonly engine: string;
  readonly schemaVersion: number;
};

/** Log what runs, on what, and where; and before that whatever in the configuration looks like a slip. */
export function logStart(log: Log, config: Config, { url, engine, schemaVersion }: Start): void {
  for (const name of unknownVariables()) log.warn({ name }, unknownVariableWarning(name));
  for (const warning of warningsOf(config)) log.warn(warning);
  const { workers, oidc } = config;
  log.info(
    {
      version: releaseVersion(),
      node: process.versions.node,
      engine,
      schema: schemaVersion,
      listeners: [url],
      workers,
      pid: process.pid,
    },
    "listening",
  );
  if (oidc !== undefined) warnOfIssuer(log, oidc.issuer);
}

/** The server is started all the same, because the issuer may come up later, and other tokens work. */
async function warnOfIssuer(log: Log, issuer: string): Promise<void> {
  const { issuerProblem } = await import("../../access/provider/issuer-keys.ts");
  const reason = await issuerProblem(issuer);
  if (reason === undefined) return;
  log.warn(
    { issuer, reason },
    "the identity provider cannot be used, so its tokens are refused until it can: check --oidc-issuer, and whether this machine reaches it",
  );
}
