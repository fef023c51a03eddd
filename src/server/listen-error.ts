/** What to do about an address that cannot be used, by the code of the operating system. */
const remedies: Readonly<Record<string, string>> = {
  EADDRINUSE:
    "address already in use: stop the program that uses it, or give another port; port 0 picks a free one",
  EADDRNOTAVAIL:
    "this machine has no such address: give one of its own, or 0.0.0.0 or [::] for all of them",
  EACCES: "permission denied: ports below 1024 need a privilege, so give a higher one",
  ENOTFOUND: "the name of the host is not known: give an address, or a name that can be resolved",
  EAI_AGAIN: "the name of the host cannot be resolved now: give an address, or check the resolver",
};

/** The error for a person whose `--listen` cannot be used: which one, why, and what to do. */
export function listenError(
  error: unknown,
  { host, port }: { readonly host: string; readonly port: number },
): unknown {
  const { code = "" } = error as NodeJS.ErrnoException;
  const remedy = remedies[code];
  if (remedy === undefined) return error;
  const name = host.includes(":") ? `[${host}]` : host;
  return new Error(`--listen ${name}:${port}: ${remedy}`, { cause: error });
}
