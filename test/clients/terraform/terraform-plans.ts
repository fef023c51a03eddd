import type { HumanUser } from "./terraform-provider.ts";

let plans = 0;
/** A plan in which every attribute is set, with a user name that nobody has. */
export const newPlan = (): HumanUser => {
  plans += 1;
  return {
    userName: `gigi-${plans}@giraffe.example`,
    firstName: "Gigi",
    lastName: "Giraffe",
    nickName: "Gi",
    displayName: "Gigi G.",
    preferredLanguage: "de",
    gender: "GENDER_FEMALE",
    email: `gigi-${plans}@giraffe.example`,
    isEmailVerified: true,
    phone: "+41441234567",
    isPhoneVerified: true,
  };
};
/** What a plan does not set, as the provider fills it in. */
export const defaults = {
  nickName: "",
  displayName: "Gigi Giraffe",
  preferredLanguage: "und",
  gender: "GENDER_UNSPECIFIED",
  isEmailVerified: false,
  phone: "",
  isPhoneVerified: false,
};

/** What a later plan changes. */
export const changes: readonly { name: string; change: (plan: HumanUser) => Partial<HumanUser> }[] =
  [
    { name: "the user name", change: ({ userName }) => ({ userName: `new-${userName}` }) },
    {
      name: "the case of the user name",
      change: (plan) => ({ userName: plan.userName.toUpperCase() }),
    },
    { name: "the first name", change: () => ({ firstName: "Georg" }) },
    { name: "the last name", change: () => ({ lastName: "Gazelle" }) },
    { name: "the nick name", change: () => ({ nickName: "G" }) },
    { name: "the display name", change: () => ({ displayName: "GG" }) },
    { name: "the language", change: () => ({ preferredLanguage: "fr" }) },
    { name: "the gender", change: () => ({ gender: "GENDER_DIVERSE" }) },
    { name: "the gender, to none", change: () => ({ gender: "GENDER_UNSPECIFIED" }) },
    { name: "the address, verified", change: () => ({ email: "new@giraffe.example" }) },
    {
      name: "the address, not verified",
      change: () => ({ email: "new@giraffe.example", isEmailVerified: false }),
    },
    { name: "the number, verified", change: () => ({ phone: "+41441234568" }) },
    {
      name: "the number, not verified",
      change: () => ({ phone: "+41441234568", isPhoneVerified: false }),
    },
    {
      name: "everything",
      change: ({ userName }) => ({
        userName: `all-${userName}`,
        firstName: "Georg",
        lastName: "Gazelle",
        nickName: "G",
        displayName: "GG",
        preferredLanguage: "fr",
        gender: "GENDER_MALE",
        email: "all@giraffe.example",
        phone: "+41441234569",
      }),
    },
  ];
