import { type Config, ConfigError, readConfig } from "./config/config.ts";
import { type Seeded, seed } from "./server/seed.ts";
import { usersFromFile, withOrganizations } from "./server/seed-file.ts";
import { createService } from "./server/service.ts";

/** What the server of a test contains at the start. */
export type GiraffeOptions = {
  /** Ids of organizations, beside the one that every server has. They are used in `x-zitadel-orgid`. */
  readonly organizations?: readonly string[];
  readonly users?: readonly GiraffeUser[];
  /**
   * The path of a file with more users, one to a line, as `giraffe export` writes them. Organizations that its
   * lines name are made.
   */
  readonly seed?: string;
  /** The clock that dates changes: a moment that stands still, or a function. Default: the wall clock. */
  readonly now?: Date | (() => Date);
};

/** A user: the JSON of `ImportHumanUser`, with optional fields that lines of `giraffe import` have, too. */
export type GiraffeUser = {
  /** 1 to 200 characters. Default: a new one. */
  readonly userId?: string;
  /** Default: the organization that every server has. */
  readonly organization?: string;
  /** Default: `USER_STATE_ACTIVE`. */
  readonly state?: "USER_STATE_ACTIVE" | "USER_STATE_INACTIVE" | "USER_STATE_LOCKED";
  /** No other user may have it, also not in other case. */
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
  /** With `+` and the country code. */
  readonly phone?: { readonly phone: string; readonly isPhoneVerified?: boolean };
  /** Values are in base64. */
  readonly metadata?: readonly { readonly key: string; readonly value: string }[];
};

/** A server in this process, with a database in memory. */
export type Giraffe = {
  /** Such as `http://127.0.0.1:41234`: every protocol, and the console. */
  readonly url: string;
  /** A token for `Authorization: Bearer …`. It has all permissions, in every organization. */
  readonly token: string;
  /** Id of the organization of the token, and of users whose `organization` is not given. */
  readonly organization: string;
  /** Ids of the users that were given, in their order. */
  readonly userIds: readonly string[];
  /**
   * Puts everything back to how the server began, in about a millisecond. Let calls end before, because what
   * is being changed at that moment may be refused.
   */
  reset(): Promise<void>;
  /** Lets calls in flight end for up to a second, then drops all data. May be called again. */
  close(): Promise<void>;
  /** For `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
};

/**
 * Start a server for a test: on a free port of 127.0.0.1, ready when this resolves.
 *
 * It keeps everything in memory. It reads no environment variables, handles no signals, logs nothing and
 * writes no files. Any web page may call it. Several servers in one process are independent of each other,
 * and each has a token of its own.
 *
 * @throws Error that says what is invalid, such as `users[1]: its userId or userName is taken`. No server
 *   runs then.
 */
export async function createGiraffe(options: GiraffeOptions = {}): Promise<Giraffe> {
  const { organizations = [], users = [], now } = options;
  const seeded = options.seed === undefined ? [] : usersFromFile(options.seed);
  const { promise: seeding, resolve: onSeeded } = Promise.withResolvers<Seeded>();
  const service = await createService(configInMemory(), ignore, {
    // Tests run on the same event loop and can make it late; calls must not be refused for that.
    maxLagMs: Number.POSITIVE_INFINITY,
    canReset: true,
    ...(now !== undefined && { now: clockFrom(now) }),
    async begin(store, directory, parts) {
      const content = {
        ...withOrganizations({ organizations, users: seeded }),
        users: [...users, ...seeded],
      };
      onSeeded(await seed(store, directory, content, parts));
      return true;
    },
  });
  const url = await service.listen();
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= service.close();
    return closing;
  };
  const reset = async () => service.reset?.();
  return { url, ...(await seeding), reset, close, [Symbol.asyncDispose]: close };
}

/** @throws Error if a moment is no valid date. */
function clockFrom(now: Date | (() => Date)): () => number {
  const read = typeof now === "function" ? now : () => now;
  const micros = () => read().getTime() * 1_000;
  if (Number.isNaN(micros())) throw new Error("now: it is not a valid date");
  return micros;
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
