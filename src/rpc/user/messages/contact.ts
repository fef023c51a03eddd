import type { SetHumanEmail } from "../../../../gen/zitadel/user/v2/email_pb.ts";
import type { SetHumanPhone } from "../../../../gen/zitadel/user/v2/phone_pb.ts";
import { ServiceError } from "../../../domain/errors.ts";
import { phoneNumberFrom } from "../../management/messages/phone-number.ts";

/** What a request says of an address or a number beside what it is. */
type Verification = (SetHumanEmail | SetHumanPhone)["verification"];

/** Whether the request says that an address or a number is verified; that takes a role. */
export function saysVerified(verification: Verification | undefined): boolean {
  return verification?.case === "isVerified" && verification.value;
}

/**
 * For `refuseFields`: nothing is sent, so there are no codes to ask for.
 *
 * @param path Of the message with the verification, with a dot behind it; or empty.
 */
export function codeFields(
  path: string,
  verification: Verification | undefined,
): Readonly<Record<string, boolean>> {
  return {
    [`${path}send_code`]: verification?.case === "sendCode",
    [`${path}return_code`]: verification?.case === "returnCode",
  };
}

/** @throws ServiceError `phoneInvalid` if the text is no phone number. */
export function knownPhoneNumber(text: string): string {
  const number = phoneNumberFrom(text);
  if (number === undefined) throw new ServiceError("phoneInvalid");
  return number;
}
