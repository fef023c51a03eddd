import { lowerCase } from "./lower-case.ts";

const ascii = /^[\0-\x7f]*$/;
const notAscii = /[^\0-\x7f]/g;

/** Letters that are no other letter with an accent for Unicode, but for people who type. */
const plain: Readonly<Record<string, string>> = {
  ...{ ß: "ss", æ: "ae", œ: "oe", ø: "o", ł: "l", đ: "d", ð: "d", þ: "th", ı: "i", ħ: "h" },
  // At the end of a word.
  ς: "σ",
};

/**
 * A text in lower case and without accents, so that people find `Müller` as `muller`. Marks that are no accents, such as
 * vowels of Hindi, stay. Texts whose lower case is equal are equal without accents, too.
 *
 * Indexes hold such texts. They do not depend on the Unicode of the running Node, because no later version takes a letter
 * apart in another way. Only letters that a version does not know yet stay as they are.
 *
 * @param text A long one takes a time that grows with the square of its length, because the order of marks is
 *   normalised. 200 characters, as long as names may be, take 0.1 ms at most.
 */
export function plainText(text: string): string {
  if (ascii.test(text)) return text.toLowerCase();
  return lowerCase(text.normalize("NFD")).replace(notAscii, plainLetter).normalize("NFC");
}

/** The text without accents, if it has any: if that is another text than its lower case. Otherwise, `""`. */
export function plainTextIfOther(text: string): string {
  if (ascii.test(text)) return "";
  const plain = plainText(text);
  return plain === lowerCase(text) ? "" : plain;
}

function plainLetter(letter: string): string {
  const isAccent = letter >= "\u0300" && letter <= "\u036f";
  return isAccent ? "" : (plain[letter] ?? letter);
}
