import type { User } from "../../../gen/zitadel/user_pb.ts";
import { byId, fromTemplate, say } from "../dom.ts";
import {
  dateText,
  genderTexts,
  languageText,
  numberText,
  personName,
  stateText,
} from "../wording.ts";

/** Makes the function that shows what is known about a user: name, state, facts and profile. */
export function createPersonFacts(): (user: User) => void {
  const name = byId("name", HTMLElement);
  const state = byId("state", HTMLElement);
  const facts = byId("facts", HTMLDListElement);
  const noHuman = byId("no-human", HTMLElement);
  const humanCards = ["profile", "account", "metadata", "history"].map((id) =>
    byId(id, HTMLElement),
  );
  const values = byId("fields", HTMLDListElement);
  const pair = byId("pair-template", HTMLTemplateElement);

  const pairs = (texts: Readonly<Record<string, string>>) =>
    Object.entries(texts).map(([term, value]) => fromTemplate(pair, { term, value: value || "–" }));

  return (user) => {
    name.textContent = personName(user);
    say(state, stateText(user.state));
    facts.replaceChildren(...pairs(factsOf(user)));
    const profile = user.type.case === "human" ? user.type.value.profile : undefined;
    noHuman.hidden = profile !== undefined;
    for (const card of humanCards) card.hidden = profile === undefined;
    if (profile === undefined) return;
    values.replaceChildren(
      ...pairs({
        "First name": profile.firstName,
        "Last name": profile.lastName,
        "Display name": profile.displayName,
        "Nick name": profile.nickName,
        Language: languageText(profile.preferredLanguage),
        Gender: genderTexts[profile.gender] ?? String(profile.gender),
      }),
    );
  };
}

/** What nobody can change by itself; and the user name of a service account, which has no other place. */
function factsOf({ id, userName, details, type }: User): Readonly<Record<string, string>> {
  return {
    ...(type.case === "machine" && { "User name": userName }),
    Id: id,
    Created: dateText(details?.creationDate),
    Changed: dateText(details?.changeDate),
    Version: numberText(details?.sequence ?? 0n),
  };
}
