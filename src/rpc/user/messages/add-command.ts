import type { SetHumanEmail } from "../../../../gen/zitadel/user/v2/email_pb.ts";
import type { SetHumanPhone } from "../../../../gen/zitadel/user/v2/phone_pb.ts";
import type { SetHumanProfile } from "../../../../gen/zitadel/user/v2/user_pb.ts";
import type {
  AddHumanUserRequest,
  CreateUserRequest,
  CreateUserRequest_Human,
} from "../../../../gen/zitadel/user/v2/user_service_pb.ts";
import type { AddHuman } from "../../../domain/add-human.ts";
import { ServiceError } from "../../../domain/errors.ts";
import { decide } from "../../../domain/human.ts";
import { initialState } from "../../../domain/human-state.ts";
import type { MetadataEntry } from "../../../domain/metadata.ts";
import { trim } from "../../../text/trim.ts";
import { metadataEntries } from "../../metadata/change-metadata.ts";
import { refuseFields } from "../../refuse-fields.ts";
import { codeFields, knownPhoneNumber, saysVerified } from "./contact.ts";
import { wholeProfile } from "./update-command.ts";

/** A human to be added, and its metadata. */
export type NewHuman = { readonly command: AddHuman; readonly metadata: readonly MetadataEntry[] };

/** @throws ServiceError `fieldNotSupported`, and what is wrong with the human whoever asks. */
export function newHumanFromAddRequest(request: AddHumanUserRequest): NewHuman {
  refuseFields({
    ...codeFields("email.", request.email?.verification),
    ...codeFields("phone.", request.phone?.verification),
    ...secretFields("", request),
  });
  return { command: commandFrom(request), metadata: newMetadata(request.metadata) };
}

/** @throws ServiceError `metadataTwice`, `fieldNotSupported`, and what is wrong with the human whoever asks. */
export function newHumanFromCreateRequest({
  username,
  userType,
  metadata,
}: CreateUserRequest): NewHuman {
  const human = userType.case === "human" ? userType.value : undefined;
  const older = human?.metadata ?? [];
  if (metadata.length > 0 && older.length > 0) throw new ServiceError("metadataTwice");
  refuseFields({
    machine: human === undefined,
    ...codeFields("human.email.", human?.email?.verification),
    ...codeFields("human.phone.", human?.phone?.verification),
    ...(human !== undefined && secretFields("human.", human)),
  });
  const command = commandFrom({ ...(human as CreateUserRequest_Human), username });
  return { command, metadata: newMetadata([...metadata, ...older]) };
}

/** Keys are trimmed, as in ZITADEL. @throws ServiceError `newMetadataKeyEmpty`, `newMetadataValueEmpty`. */
function newMetadata(entries: Parameters<typeof metadataEntries>[0]): readonly MetadataEntry[] {
  const trimmed = entries.map(({ key, value }) => ({ key: trim(key), value }));
  for (const { key, value } of trimmed) {
    if (key === "") throw new ServiceError("newMetadataKeyEmpty");
    if (value.byteLength === 0) throw new ServiceError("newMetadataValueEmpty");
  }
  return metadataEntries(trimmed);
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

type NamedHuman = {
  readonly username?: string | undefined;
  readonly profile?: SetHumanProfile | undefined;
  readonly email?: SetHumanEmail | undefined;
  readonly phone?: SetHumanPhone | undefined;
};

/**
 * The field rules demand profile and e-mail, so both are there. A person without user name has the e-mail
 * address as user name.
 */
function commandFrom({ username, profile, email, phone }: NamedHuman): AddHuman {
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
