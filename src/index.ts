import { type Config, ConfigError, readConfig } from "./config/config.ts";
import { type Seeded, seed } from "./server/seed.ts";
import { createService } from "./server/service.ts";

/** What a server of a test begins with. */
export type GiraffeOptions = {
  /** Ids for `x-zitadel-orgid`, beside that of the organization that every server has. */
  readonly organizations?: readonly string[];
  readonly users?: readonly GiraffeUser[];
};

/** A user, as `ImportHumanUser` takes one in JSON, and what `giraffe import` knows beside it. */
export type GiraffeUser = {
  /** 1 to 200 characters. Default: a new one. */
  readonly userId?: string;
  /** Default: the organization that every server has. */
  readonly organization?: string;
  /** Default: `USER_STATE_ACTIVE`. */
  readonly state?: "USER_STATE_ACTIVE" | "USER_STATE_INACTIVE" | "USER_STATE_LOCKED";
  /** No other user may have it, in upper or lower case. */
  readonly userName: string;
  readonly profile: {
    readonly firstName: string;
    readonly lastName: string;
    readonly nickName?: string;
    /** Default: first and last name. */
    readonly displayName?: string;
    /** A language tag, such as `de-CH`. */
    readonly preferredLanguage?: string;
    /** Default: `GENDER_UNSPECIFIED`. */
    readonly gender?: "GENDER_UNSPECIFIED" | "GENDER_FEMALE" | "GENDER_MALE" | "GENDER_DIVERSE";
  };
  readonly email: { readonly email: string; readonly isEmailVerified?: boolean };
  /** With `+` and country. */
  readonly phone?: { readonly phone: string; readonly isPhoneVerified?: boolean };
};

/** A server in this process, with a database in memory. */
export type Giraffe = {
  /** Such as `http://127.0.0.1:41234`: every protocol, and the console. */
  readonly url: string;
  /** For `Authorization: Bearer …`. It may do everything, in every organization. */
  readonly token: string;
  /** Id of the organization that the token belongs to, and users who name none. */
  readonly organization: string;
  /** Ids of the users that were given, in their order. */
  readonly userIds: readonly string[];
  /** Answers calls in flight for up to a second, then forgets everything. May be called again. */
  close(): Promise<void>;
  /** For `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
};

/**
 * Start a server for a test: on a free port of 127.0.0.1, ready when this resolves.
 *
 * It keeps everything in memory, reads no environment, logs nothing, leaves signals alone and writes
 * no file. Any web page may call it. Several do not know of each other; each has a token of its own.
 *
 * @throws Error that says what is invalid, such as `users[1]: its userId or userName is taken`;
 *   nothing runs then.
 */
export async function createGiraffe(options: GiraffeOptions = {}): Promise<Giraffe> {
  const { organizations = [], users = [] } = options;
  const { promise: seeding, resolve: onSeeded } = Promise.withResolvers<Seeded>();
  const service = await createService(configInMemory(), ignore, {
    // Tests run on the same event loop and can make it late; calls must not be refused for that.
    maxLagMs: Number.POSITIVE_INFINITY,
    async begin(store, directory, parts) {
      onSeeded(await seed(store, directory, { organizations, users }, parts));
      return true;
    },
  });
  const url = await service.listen();
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= service.close();
    return closing;
  };
  return { url, ...(await seeding), close, [Symbol.asyncDispose]: close };
}

/** The defaults of `serve`, except for what a test needs. */
function configInMemory(): Config {
  const given = { listen: "127.0.0.1:0", corsOrigin: ["*"], drainMs: "1000" };
  const reading = readConfig(given, {});
  if (reading.kind === "refused") throw new ConfigError(reading.problems);
  const database = { kind: "sqlite", path: ":memory:" } as const;
  return { ...reading.value, database, adminTokenFile: undefined };
}

function ignore(): void {}
