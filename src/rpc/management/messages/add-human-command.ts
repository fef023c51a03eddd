import type {
  AddHumanUserRequest,
  ImportHumanUserRequest,
} from "../../../../gen/zitadel/management_pb.ts";
import { ServiceError } from "../../../domain/errors.ts";
import type { HumanCommand } from "../../../domain/human.ts";
import { profileFrom } from "../../../domain/profile.ts";
import { refuseFields } from "../../refuse-fields.ts";
import { phoneNumberFrom } from "./phone-number.ts";

/** The command of both methods that add a human. */
export type AddHuman = HumanCommand & { readonly type: "add" };

/** @throws ServiceError `fieldNotSupported` for a field that we do not store. */
export function commandFromAddRequest(request: AddHumanUserRequest): AddHuman {
  refuseFields({ initial_password: request.initialPassword !== "" });
  return commandFrom(request);
}

/** @throws ServiceError `fieldNotSupported` for a field that we do not store. */
export function commandFromImportRequest(request: ImportHumanUserRequest): AddHuman {
  refuseFields({
    password: request.password !== "",
    hashed_password: request.hashedPassword !== undefined,
    password_change_required: request.passwordChangeRequired,
    request_passwordless_registration: request.requestPasswordlessRegistration,
    otp_code: request.otpCode !== "",
    idps: request.idps.length > 0,
    recovery_codes: request.recoveryCodes.length > 0,
  });
  return commandFrom(request);
}

/** The field rules demand profile and e-mail, so both are there. */
function commandFrom({
  userName,
  profile,
  email,
  phone,
}: AddHumanUserRequest | ImportHumanUserRequest): AddHuman {
  if (profile === undefined) throw new ServiceError("fieldInvalid");
  const number = phone?.phone ?? "";
  return {
    type: "add",
    userName,
    email: email?.email ?? "",
    isEmailVerified: email?.isEmailVerified ?? false,
    phone: number === "" ? "" : phoneNumberFrom(number),
    isPhoneVerified: phone?.isPhoneVerified ?? false,
    profile: profileFrom(profile),
  };
}
