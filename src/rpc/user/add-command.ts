import type { SetHumanEmail } from "../../../gen/zitadel/user/v2/email_pb.ts";
import type { SetHumanPhone } from "../../../gen/zitadel/user/v2/phone_pb.ts";
import type { SetHumanProfile } from "../../../gen/zitadel/user/v2/user_pb.ts";
import type {
  AddHumanUserRequest,
  CreateUserRequest,
  CreateUserRequest_Human,
} from "../../../gen/zitadel/user/v2/user_service_pb.ts";
import type { AddHuman } from "../../domain/add-human.ts";
import { ServiceError } from "../../domain/errors.ts";
import { decide } from "../../domain/human.ts";
import { initialState } from "../../domain/human-state.ts";
import { refuseFields } from "../refuse-fields.ts";
import { codeFields, knownPhoneNumber, saysVerified } from "./contact.ts";
import { wholeProfile } from "./update-command.ts";

/** @throws ServiceError `fieldNotSupported`, and what is wrong with the human whoever asks. */
export function commandFromAddRequest(request: AddHumanUserRequest): AddHuman {
  refuseFields({
    ...codeFields("email.", request.email?.verification),
    ...codeFields("phone.", request.phone?.verification),
    ...secretFields("", request),
    metadata: request.metadata.length > 0,
  });
  return commandFrom(request);
}

/** @throws ServiceError `metadataTwice`, `fieldNotSupported`, and what is wrong with the human whoever asks. */
export function commandFromCreateRequest({
  username,
  userType,
  metadata,
}: CreateUserRequest): AddHuman {
  const human = userType.case === "human" ? userType.value : undefined;
  const older = human?.metadata ?? [];
  if (metadata.length > 0 && older.length > 0) throw new ServiceError("metadataTwice");
  refuseFields({
    machine: human === undefined,
    ...codeFields("human.email.", human?.email?.verification),
    ...codeFields("human.phone.", human?.phone?.verification),
    ...(human !== undefined && secretFields("human.", human)),
    metadata: metadata.length > 0,
    "human.metadata": older.length > 0,
  });
  return commandFrom({ ...(human as CreateUserRequest_Human), username });
}

/** How people sign in is not stored here. */
function secretFields(
  path: string,
  request: Pick<AddHumanUserRequest, "passwordType" | "idpLinks" | "totpSecret">,
): Readonly<Record<string, boolean>> {
  return {
    [`${path}password`]: request.passwordType.case === "password",
    [`${path}hashed_password`]: request.passwordType.case === "hashedPassword",
    [`${path}idp_links`]: request.idpLinks.length > 0,
    [`${path}totp_secret`]: request.totpSecret !== undefined,
  };
}

type NewHuman = {
  readonly username?: string | undefined;
  readonly profile?: SetHumanProfile | undefined;
  readonly email?: SetHumanEmail | undefined;
  readonly phone?: SetHumanPhone | undefined;
};

/**
 * The field rules demand profile and e-mail, so both are there. A person without user name has the e-mail
 * address as user name.
 */
function commandFrom({ username, profile, email, phone }: NewHuman): AddHuman {
  if (profile === undefined || email === undefined) throw new ServiceError("fieldInvalid");
  const number = phone?.phone ?? "";
  const command: AddHuman = {
    type: "add",
    userName: username ?? email.email,
    email: email.email,
    isEmailVerified: saysVerified(email.verification),
    phone: number === "" ? "" : knownPhoneNumber(number),
    isPhoneVerified: number !== "" && saysVerified(phone?.verification),
    profile: wholeProfile(profile),
  };
  // As in ZITADEL, what is wrong with the names is said before anything is looked up.
  decide(command, initialState);
  return command;
}
