import type { JsonValue } from "@bufbuild/protobuf";

/** The user that `--demo` adds. */
const demoUser = "163840776835432705";

/** By type name, or by type name and field name. Without what the path says. */
export const examples: Readonly<Record<string, JsonValue>> = {
  "zitadel.management.v1.GetHumanProfileRequest.user_id": demoUser,
  "zitadel.management.v1.GetUserByIDRequest.id": demoUser,
  "zitadel.management.v1.GetUserByLoginNameGlobalRequest.login_name": "gigi@giraffe.example",
  "zitadel.management.v1.ListUserChangesRequest.user_id": demoUser,
  "zitadel.management.v1.UpdateHumanProfileRequest.user_id": demoUser,
  "zitadel.management.v1.UpdateHumanProfileRequest": {
    firstName: "Gigi",
    lastName: "Giraffe",
    nickName: "Gigi",
    displayName: "Gigi",
    preferredLanguage: "en",
    gender: "GENDER_UNSPECIFIED",
  },
  "zitadel.v1.ObjectDetails": {
    sequence: "2",
    creationDate: "2025-03-25T17:01:18.867Z",
    changeDate: "2025-03-25T17:01:18.867Z",
    resourceOwner: "69629023906488334",
  },
};
