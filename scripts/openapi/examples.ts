import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

/** The user that `--demo` adds. */
const demoUser = "163840776835432705";

/** By type name, or by type name and field name. Without what the path says. */
export const examples: Readonly<Record<string, JsonValue>> = {
  "zitadel.management.v1.GetHumanEmailRequest.user_id": demoUser,
  "zitadel.management.v1.GetHumanPhoneRequest.user_id": demoUser,
  "zitadel.management.v1.GetHumanProfileRequest.user_id": demoUser,
  "zitadel.management.v1.GetUserByIDRequest.id": demoUser,
  "zitadel.management.v1.GetUserByLoginNameGlobalRequest.login_name": "gigi@giraffe.example",
  "zitadel.management.v1.IsUserUniqueRequest.user_name": "gigi@giraffe.example",
  "zitadel.management.v1.ListUserChangesRequest.user_id": demoUser,
  "zitadel.management.v1.ListUserMembershipsRequest.user_id": demoUser,
  "zitadel.management.v1.UpdateHumanProfileRequest.user_id": demoUser,
  "zitadel.management.v1.UpdateHumanProfileRequest": {
    firstName: "Gigi",
    lastName: "Giraffe",
    nickName: "Gigi",
    displayName: "Gigi",
    preferredLanguage: "en",
    gender: "GENDER_UNSPECIFIED",
  },
  "zitadel.management.v1.UpdateUserNameRequest.user_id": demoUser,
  "zitadel.management.v1.UpdateUserNameRequest": { userName: "gigi.giraffe@giraffe.example" },
  "zitadel.management.v1.UpdateHumanEmailRequest.user_id": demoUser,
  "zitadel.management.v1.UpdateHumanEmailRequest": {
    email: "gigi.giraffe@giraffe.example",
    isEmailVerified: true,
  },
  "zitadel.management.v1.UpdateHumanPhoneRequest.user_id": demoUser,
  "zitadel.management.v1.UpdateHumanPhoneRequest": {
    phone: "+41 44 123 45 67",
    isPhoneVerified: true,
  },
  "giraffe.v1.ListChangesRequest.user_id": demoUser,
  "giraffe.v1.UpdateProfilesRequest": {
    updates: [{ userId: demoUser, updateMask: "nickName", profile: { nickName: "Gigi" } }],
  },
  "zitadel.user.v2.GetUserByIDRequest.user_id": demoUser,
  "zitadel.user.v2.UpdateUserRequest.user_id": demoUser,
  "zitadel.user.v2.UpdateUserRequest": {
    human: { profile: { nickName: "Gigi", preferredLanguage: "en" } },
  },
  "zitadel.user.v2.ListUserMetadataRequest.user_id": demoUser,
  "zitadel.user.v2.SetUserMetadataRequest.user_id": demoUser,
  "zitadel.user.v2.SetUserMetadataRequest": { metadata: [{ key: "color", value: "cmVk" }] },
  "zitadel.v1.ObjectDetails": {
    sequence: "2",
    creationDate: "2025-03-25T17:01:18.867Z",
    changeDate: "2025-03-25T17:01:18.867Z",
    resourceOwner: "69629023906488334",
  },
};

const notBlank = { pattern: "^[^\\u0000]*[^\\s\\u0085\\u0000][^\\u0000]*$" };

/**
 * What the service asks of fields beside their rules, by type name and field name; `undefined` for those
 * that it refuses as not supported.
 */
export const bounds: Readonly<Record<string, JsonObject | undefined>> = {
  "zitadel.management.v1.ListUsersRequest.queries": { maxItems: 100 },
  "zitadel.management.v1.ListUserMembershipsRequest.queries": { maxItems: 100 },
  "giraffe.v1.ListChangesRequest.fields": { maxItems: 20 },
  "zitadel.user.v2.ListUsersRequest.queries": { maxItems: 100 },
  "zitadel.user.v2.AndQuery.queries": { maxItems: 100 },
  "zitadel.user.v2.OrQuery.queries": { maxItems: 100 },
  "zitadel.user.v2.ListUserMetadataRequest.filters": { maxItems: 20 },
  "zitadel.user.v2.AddHumanUserRequest.username": notBlank,
  "zitadel.user.v2.CreateUserRequest.username": notBlank,
  "zitadel.user.v1.AndQuery.queries": { maxItems: 100 },
  "zitadel.user.v1.OrQuery.queries": { maxItems: 100 },
  "zitadel.management.v1.AddHumanUserRequest.user_name": notBlank,
  "zitadel.management.v1.AddHumanUserRequest.Profile.first_name": notBlank,
  "zitadel.management.v1.AddHumanUserRequest.Profile.last_name": notBlank,
  "zitadel.management.v1.AddHumanUserRequest.Email.email": { maxLength: 254 },
  "zitadel.management.v1.UpdateUserNameRequest.user_name": notBlank,
  "zitadel.management.v1.UpdateHumanEmailRequest.email": { maxLength: 254 },
  "zitadel.management.v1.ImportHumanUserRequest.user_name": notBlank,
  "zitadel.management.v1.ImportHumanUserRequest.Profile.first_name": notBlank,
  "zitadel.management.v1.ImportHumanUserRequest.Profile.last_name": notBlank,
  "zitadel.management.v1.ImportHumanUserRequest.Email.email": { maxLength: 254 },

  "zitadel.management.v1.AddHumanUserRequest.initial_password": undefined,
  "zitadel.management.v1.ImportHumanUserRequest.password": undefined,
  "zitadel.management.v1.ImportHumanUserRequest.hashed_password": undefined,
  "zitadel.management.v1.ImportHumanUserRequest.password_change_required": undefined,
  "zitadel.management.v1.ImportHumanUserRequest.request_passwordless_registration": undefined,
  "zitadel.management.v1.ImportHumanUserRequest.otp_code": undefined,
  "zitadel.management.v1.ImportHumanUserRequest.idps": undefined,
  "zitadel.management.v1.ImportHumanUserRequest.recovery_codes": undefined,

  "zitadel.user.v2.SetHumanEmail.send_code": undefined,
  "zitadel.user.v2.SetHumanEmail.return_code": undefined,
  "zitadel.user.v2.SetHumanPhone.send_code": undefined,
  "zitadel.user.v2.SetHumanPhone.return_code": undefined,
  "zitadel.user.v2.SetEmailRequest.send_code": undefined,
  "zitadel.user.v2.SetEmailRequest.return_code": undefined,
  "zitadel.user.v2.SetPhoneRequest.send_code": undefined,
  "zitadel.user.v2.SetPhoneRequest.return_code": undefined,
  "zitadel.user.v2.UpdateHumanUserRequest.password": undefined,
  "zitadel.user.v2.UpdateUserRequest.machine": undefined,
  "zitadel.user.v2.UpdateUserRequest.Human.password": undefined,
  "zitadel.user.v2.CreateUserRequest.machine": undefined,
  "zitadel.user.v2.CreateUserRequest.Human.password": undefined,
  "zitadel.user.v2.CreateUserRequest.Human.hashed_password": undefined,
  "zitadel.user.v2.CreateUserRequest.Human.idp_links": undefined,
  "zitadel.user.v2.CreateUserRequest.Human.totp_secret": undefined,
  "zitadel.user.v2.AddHumanUserRequest.password": undefined,
  "zitadel.user.v2.AddHumanUserRequest.hashed_password": undefined,
  "zitadel.user.v2.AddHumanUserRequest.idp_links": undefined,
  "zitadel.user.v2.AddHumanUserRequest.totp_secret": undefined,
};
