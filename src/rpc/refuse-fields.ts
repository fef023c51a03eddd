import { ServiceError } from "../domain/errors.ts";

/**
 * Refuse a request that uses a field that is part of the contract, and that we do not store or do.
 *
 * @param fields By path in proto names, whether the request uses them.
 * @throws ServiceError `fieldNotSupported` naming the first one that is used.
 */
export function refuseFields(fields: Readonly<Record<string, boolean>>): void {
  const used = Object.keys(fields).find((name) => fields[name]);
  if (used !== undefined) {
    throw new ServiceError("fieldNotSupported", { message: `field ${used} is not supported` });
  }
}
