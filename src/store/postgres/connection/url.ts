/** One host of a PostgreSQL URL, and how to reach it. */
export type PostgresHost = {
  /** For messages, such as `db.example:5432` or `/run/postgresql`. Without user and password. */
  readonly host: string;
  /** For node-postgres: has only this host, and no parameters for TLS and timeouts. */
  readonly url: string;
  /** `undefined` on a Unix socket, which never has TLS. */
  readonly tls: PostgresTls | undefined;
  /** Settings of the session, by name. */
  readonly settings: Readonly<Record<string, string>>;
};

/** What libpq makes of `sslmode` and its kin: https://www.postgresql.org/docs/current/libpq-ssl.html. */
export type PostgresTls = {
  readonly mode: (typeof sslModes)[number];
  /** A PEM file, or `system` for the certificates that the machine trusts. */
  readonly rootCertFile: string | undefined;
  /** PEM files, by which this client says who it is. */
  readonly client: { readonly certFile: string; readonly keyFile: string } | undefined;
};

const sslModes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;

const shapeProblem =
  "give sqlite:PATH, sqlite::memory: or postgres://USER:PASSWORD@HOST:PORT/DATABASE, where several hosts are separated by commas, and postgres:///DATABASE?host=/FOLDER for a Unix socket";

/**
 * The values that a parameter may have; any value if it is not listed. Parameters that ask for a protection
 * that we do not have are refused, and so are those that ask for a standby, because only a primary can write.
 */
const accepted: Readonly<Record<string, readonly string[]>> = {
  target_session_attrs: ["read-write", "primary"],
  sslmode: sslModes,
  ssl: ["true", "false", "1", "0"],
  sslnegotiation: ["postgres", "direct"],
  channel_binding: ["disable", "prefer"],
  gssencmode: ["disable", "prefer"],
  sslcertmode: ["allow"],
  require_auth: [],
  requirepeer: [],
  sslcrl: [],
  sslcrldir: [],
  sslpassword: [],
  ssl_min_protocol_version: [],
  ssl_max_protocol_version: [],
};

/** Parameters that are read here. */
const own = ["host", "port", "ssl", "sslmode", "sslrootcert", "sslcert", "sslkey"];

/**
 * Parameters that are set in the open session, because PgBouncer refuses them at its start.
 */
const sessionSettings = [
  "statement_timeout",
  "lock_timeout",
  "idle_in_transaction_session_timeout",
];

/** Parameters of node-postgres that are ignored, because `sslmode` means the same as in libpq here anyway. */
const dropped = ["uselibpqcompat"];

/** The URL cannot be used. The message says why, and holds no part of the URL, which has a password. */
class PostgresUrlError extends Error {
  override readonly name = "PostgresUrlError";
}

/** What is wrong with a URL, as advice what to give instead; `undefined`: nothing is wrong. */
export function postgresUrlProblem(url: string): string | undefined {
  try {
    hostsOf(url);
    return undefined;
  } catch (error) {
    if (error instanceof PostgresUrlError) return error.message;
    throw error;
  }
}

/**
 * Read a URL as libpq does, with several hosts if need be.
 *
 * @param url Such as `postgres://user:password@host1:5432,host2/database?sslmode=verify-full`.
 * @param only A host with its port, as in a URL, in place of those of the URL.
 * @throws PostgresUrlError if it is none.
 */
export function hostsOf(url: string, only?: string): PostgresHost[] {
  const [, scheme, user = "", authority = "", path, query = ""] =
    /^(postgres(?:ql)?:\/\/)((?:[^/?#]*@)?)([^/?#]*)(\/[^/?#]+)(?:\?([^#]*))?$/s.exec(url) ?? [];
  if (scheme === undefined || path === undefined) throw new PostgresUrlError(shapeProblem);
  const parameters = query
    .split("&")
    .filter((text) => text !== "")
    .map((text) => ({ text, ...parameterFrom(text) }));
  const read = (name: string) => parameters.findLast((each) => each.name === name)?.value;
  for (const { name, value } of parameters) assertAccepted(name, value);

  const tls = tlsFrom(read);
  const settings = Object.fromEntries(
    parameters
      .filter(({ name }) => sessionSettings.includes(name))
      .map(({ name, value }) => [name, value]),
  );
  const rest = parameters
    .filter(({ name }) => ![...own, ...sessionSettings, ...dropped].includes(name))
    .map(({ text }) => text)
    .join("&");
  const places = only === undefined ? placesFrom(authority, read("host"), read("port")) : [only];
  return places.map((place) => {
    const one = `${scheme}${user}${place}${path}${rest === "" ? "" : `?${rest}`}`;
    const host = URL.parse(one)?.hostname;
    if (!host) throw new PostgresUrlError(shapeProblem);
    const isSocket = host.toLowerCase().startsWith("%2f");
    return {
      host: isSocket ? decoded(place) : place,
      url: one,
      tls: isSocket ? undefined : tls,
      settings,
    };
  });
}

function parameterFrom(text: string): { readonly name: string; readonly value: string } {
  const [name = "", ...value] = text.split("=");
  return { name: decoded(name), value: decoded(value.join("=")) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new PostgresUrlError("give a URL in which every % is followed by two hexadecimal digits");
  }
}

function assertAccepted(name: string, value: string): void {
  const values = Object.hasOwn(accepted, name) ? accepted[name] : undefined;
  if (values === undefined || values.includes(value)) return;
  throw new PostgresUrlError(
    values.length === 0
      ? `leave out ${name}, which is not supported`
      : `${name} is ${oneOf(values)}`,
  );
}

function oneOf(values: readonly string[]): string {
  return [values.slice(0, -1).join(", "), ...values.slice(-1)]
    .filter((text) => text !== "")
    .join(" or ");
}

type Read = (name: string) => string | undefined;

function tlsFrom(read: Read): PostgresTls {
  const rootCertFile = read("sslrootcert") || undefined;
  const given = read("sslmode") ?? modeOfSwitch(read("ssl"));
  const usual = rootCertFile === "system" ? "verify-full" : "prefer";
  const mode = sslModes.find((each) => each === (given ?? usual)) ?? usual;
  const certFile = read("sslcert") || undefined;
  const keyFile = read("sslkey") || undefined;
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new PostgresUrlError("give both sslcert and sslkey, or none of them");
  }
  if (rootCertFile === "system" && mode !== "verify-full") {
    throw new PostgresUrlError("sslrootcert=system needs sslmode=verify-full");
  }
  if (mode.startsWith("verify-") && rootCertFile === undefined) {
    throw new PostgresUrlError(
      `sslmode=${mode} needs sslrootcert: a PEM file, or for verify-full also system`,
    );
  }
  const client = certFile && keyFile ? { certFile, keyFile } : undefined;
  return { mode, rootCertFile, client };
}

function modeOfSwitch(ssl: string | undefined): string | undefined {
  if (ssl === undefined) return undefined;
  return ssl === "true" || ssl === "1" ? "require" : "disable";
}

/** Hosts with their ports, as in a URL. The parameters `host` and `port` take precedence. */
function placesFrom(
  authority: string,
  host: string | undefined,
  port: string | undefined,
): string[] {
  const places = host === undefined ? authority.split(",") : host.split(",").map(encodedHost);
  const ports = port?.split(",") ?? [];
  if (ports.length > 1 && ports.length !== places.length) {
    throw new PostgresUrlError("give one port for all hosts, or one for each");
  }
  return places.map((place, index) => {
    const own = ports[index] ?? ports[0];
    if (own === undefined || own === "") return place;
    return `${place.replace(/:\d+$/, "")}:${own}`;
  });
}

/** A host as in a URL. */
export function encodedHost(host: string): string {
  return host.includes(":") && !host.startsWith("/") ? `[${host}]` : encodeURIComponent(host);
}

/** The files that a URL names. They must exist. */
export function postgresFiles(url: string): string[] {
  const tls = hostsOf(url).find((host) => host.tls !== undefined)?.tls;
  if (tls === undefined) return [];
  const { rootCertFile, client } = tls;
  return [
    rootCertFile === "system" ? undefined : rootCertFile,
    client?.certFile,
    client?.keyFile,
  ].filter((file) => file !== undefined);
}
