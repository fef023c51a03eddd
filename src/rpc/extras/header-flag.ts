import { ServiceError } from "../../domain/errors.ts";

/**
 * Read a header that is `true` or `false`; `false` if it was not sent.
 *
 * @throws ServiceError `headerNotBoolean` for anything else, also for several values.
 */
export function flagFrom(headers: Pick<Headers, "get">, name: string): boolean {
  const text = headers.get(name);
  if (text === null || text === "false") return false;
  if (text === "true") return true;
  throw new ServiceError("headerNotBoolean", { values: { header: name } });
}
