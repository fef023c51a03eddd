import { onTestFinished } from "vitest";
import { createExternalCaller } from "../../../src/access/provider/external-caller.ts";
import { createJwtAuthenticator } from "../../../src/access/provider/jwt.ts";
import type { ServiceError } from "../../../src/domain/errors.ts";
import { openSqlite } from "../../../src/store/sqlite/database.ts";
import { createSqliteDirectory } from "../../../src/store/sqlite/directory.ts";
import { audience, type Issuer, startIssuer } from "../../support/identity/issuer.ts";
import { askingAtOnce } from "../at-once.ts";

export const second = 1_000_000;
export const start = Date.parse("2026-01-31T12:00:00Z") * 1_000;

/** An issuer and an authenticator for its tokens, both with a clock of their own. */
export async function setUp() {
  const time = { micros: start, steady: 1 };
  const issuer = await startIssuer(() => Math.floor(time.micros / second));
  onTestFinished(() => issuer.close());
  return { ...authenticatorOf(issuer, time), issuer, time };
}

export function authenticatorOf({ url }: Issuer, time: { micros: number; steady: number }) {
  const directory = createSqliteDirectory(openSqlite(":memory:"));
  const clock = { now: () => time.steady };
  const authenticate = askingAtOnce(
    createJwtAuthenticator({
      issuer: url,
      audience,
      callerOf: createExternalCaller({
        directory,
        store: { loadOnInstance: async () => undefined },
        clock,
      }),
      now: () => time.micros,
      clock,
    }),
  );
  return {
    pass: (ms: number) => {
      time.steady += ms;
      time.micros += ms * 1_000;
    },
    /** The caller's subject, the key of the refusal, or "not mine". */
    outcome: (token: string) =>
      authenticate(token).then(
        (caller) => caller?.subject ?? "not mine",
        (error: ServiceError) => error.key,
      ),
    authenticate,
  };
}
