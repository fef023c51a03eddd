import { type Refusal, refusals } from "../../support/api/refusals.ts";

/** For callers with a role where the user lives that does not give the permission. */
export const userPermissionMissing: Refusal = {
  code: 7,
  text: "No matching permissions found",
  id: "AUTH-AWfge",
  reason: "USER_PERMISSION_MISSING",
};

export const { membershipNotFound } = refusals;

export const userNameTaken: Refusal = {
  code: 6,
  text: "User already exists",
  id: "V3-DKcYh",
  reason: "USER_ALREADY_EXISTS",
};

/** For callers who may know that there is no such user. */
export function userNotFound(
  id: string,
  reason: string,
  text = "User could not be found",
): Refusal {
  return { code: 5, text, id, reason };
}

export function failedPrecondition(id: string, reason: string, text: string): Refusal {
  return { code: 9, text, id, reason };
}

/** A field of the contract that is not served. */
export function notSupported(field: string): Refusal {
  return { code: 12, text: `field ${field} is not supported`, reason: "FIELD_NOT_SUPPORTED" };
}
