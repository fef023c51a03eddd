import { readFileSync } from "node:fs";
import { describe, expect, onTestFinished, test } from "vitest";
import { languages as configured } from "../../../src/config/value-schemas.ts";
import { errors } from "../../../src/domain/errors.ts";
import type { HumanEvent } from "../../../src/domain/human-state.ts";
import { availableLanguages } from "../../../src/rpc/translate/translate.ts";
import type { RuleText } from "../../../src/rpc/validate/rule-text.ts";
import { startServer } from "../../support/server.ts";

const languages = "bg cs de en es fr hu id it ja ko mk nl pl pt ro ru sv tr zh".split(" ");

function textsOf(language: string): Record<string, string> {
  const file = new URL(`../../../src/rpc/translate/texts/${language}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8"));
}

const english = textsOf("en");
const placesOf = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();

/** Every key that is translated, and its placeholders. */
const eventTypes = {
  "user.metadata.removed": [],
  "user.metadata.removed.all": [],
  "user.metadata.set": [],
  "user.username.changed": [],
  "user.human.email.changed": [],
  "user.human.email.verified": [],
  "user.human.phone.changed": [],
  "user.human.phone.removed": [],
  "user.human.phone.verified": [],
  "user.deactivated": [],
  "user.human.added": [],
  "user.human.profile.changed": [],
  "user.locked": [],
  "user.reactivated": [],
  "user.removed": [],
  "user.erased": [],
  "user.unlocked": [],
} satisfies Record<HumanEvent["type"], string[]> & Record<string, string[]>;
const rules = {
  "Errors.Field.Bytes.Between": ["{max}", "{min}"],
  "Errors.Field.Bytes.Max": ["{max}"],
  "Errors.Field.Email": [],
  "Errors.Field.Enum": [],
  "Errors.Field.Length.Between": ["{max}", "{min}"],
  "Errors.Field.Length.Exact": ["{length}"],
  "Errors.Field.Length.Max": ["{max}"],
  "Errors.Field.Length.Min": ["{min}"],
  "Errors.Field.Mask": ["{path}"],
  "Errors.Field.NoNul": [],
  "Errors.Field.Prefix": ["{prefix}"],
  "Errors.Field.Required": [],
  "Errors.Field.True": [],
  "Errors.Field.WellFormed": [],
} satisfies Record<RuleText["key"], string[]>;
/** ZITADEL has no text for this key either, and sends the key. */
const withoutText = "Errors.User.AlreadyExisting";
const messages = Object.values(errors).map(({ message }) => message);
/** Sent instead of the message of the catalogue. */
const otherMessages = ["Errors.User.VersionTagWeak"];
const places: Readonly<Record<string, readonly string[]>> = {
  ...rules,
  ...Object.fromEntries(Object.keys(eventTypes).map((type) => [`EventTypes.${type}`, []])),
  ...Object.fromEntries(
    [...messages, ...otherMessages]
      .filter((text) => text.startsWith("Errors.") && text !== withoutText)
      .map((key) => [key, []]),
  ),
};

/** The texts that ZITADEL's documentation shows. */
const published: [language: string, notFound: string, notChanged: string][] = [
  ["de", "Profil nicht gefunden", "Profil nicht verändert"],
  ["en", "Profile not found", "Profile not changed"],
  ["es", "Perfil no encontrado", "El perfil no ha cambiado"],
  ["fr", "Profil non trouvé", "Le profil n'a pas changé"],
  ["it", "Profilo non trovato", "Profilo non cambiato"],
  ["nl", "Profiel niet gevonden", "Profiel niet veranderd"],
  ["pt", "Perfil não encontrado", "Perfil não alterado"],
];

test("there are translations into every language of ZITADEL, and the configuration accepts each", () => {
  expect(availableLanguages()).toEqual(languages);
  expect(configured).toEqual(languages);
});

describe.for(languages)("the translations to %s", (language) => {
  const texts = textsOf(language);

  test("have exactly the keys, in order", () => {
    expect(Object.keys(texts)).toEqual(Object.keys(places).sort());
  });

  test("have exactly the placeholders of the values", () => {
    expect(
      Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, placesOf(text)])),
    ).toEqual(places);
  });

  test("are trimmed, composed text", () => {
    for (const text of Object.values(texts)) {
      expect(text).not.toBe("");
      expect(text).toBe(text.normalize("NFC").trim());
    }
  });

  test("tell different errors apart", () => {
    expect(new Set(Object.values(texts)).size).toBe(Object.keys(texts).length);
  });
});

test.for(languages.filter((language) => language !== "en"))(
  "no text was left in English: %s",
  (language) => {
    const left = Object.entries(textsOf(language)).filter(([key, text]) => text === english[key]);
    expect(left).toEqual([]);
  },
);

test.for(published)("ZITADEL's own words are kept in %s", ([language, notFound, notChanged]) => {
  expect(textsOf(language)).toMatchObject({
    "Errors.User.Profile.NotFound": notFound,
    "Errors.User.Profile.NotChanged": notChanged,
  });
});

test.for(languages)("a server can speak %s by default", async (language) => {
  const server = await startServer(["--demo", "--default-language", language]);
  onTestFinished(server.close);
  const answer = await fetch(`${server.url}/management/v1/users/none/profile`, {
    headers: { authorization: `Bearer ${server.adminToken}` },
  });
  const { details } = (await answer.json()) as { details: unknown[] };
  expect(details[0]).toMatchObject({ message: textsOf(language)["Errors.User.NotFound"] });
});
