import type { User } from "../../../gen/zitadel/user_pb.ts";
import type { Api } from "../api.ts";
import { byId } from "../dom.ts";
import { createEditForm } from "../edit-form.ts";
import { valueFrom } from "./metadata-value.ts";
import type { Answer } from "./report.ts";

/** The form that sets one entry of the metadata of a user. */
export interface MetadataForm {
  /**
   * Show the form.
   *
   * @param before The text that is stored under the key, which then stays as it is; `undefined` for a new key.
   */
  open(key: string, before: string | undefined): void;
  /** Hide the form and drop what was typed. */
  close(): void;
}

type Surroundings = {
  /** Who is shown, as the server has answered last. */
  user(): User | undefined;
  /**
   * Called when the form was closed because the server has stored the entry.
   *
   * @returns Whether the user is shown again; `left` is called then.
   */
  stored(userId: string, answer: Answer): Promise<boolean>;
  /**
   * Called when the form was closed and the user is on the page, so that the focus can be put elsewhere.
   *
   * @param key Of the entry whose text was edited; `undefined` if the entry is new.
   */
  left(key: string | undefined): void;
};

/** Finds the form in the page. */
export function createMetadataForm(api: Api, { user, stored, left }: Surroundings): MetadataForm {
  const keyField = byId("metadata-key", HTMLInputElement);
  const valueField = byId("metadata-value", HTMLTextAreaElement);
  /** What the form edits: a key, and the text that is stored there; `undefined` for a new key. */
  let edited = { key: "", before: undefined as string | undefined };
  const form = createEditForm("metadata-form", {
    fields: { key: keyField, value: valueField },
    save,
    left: leave,
  });

  async function save() {
    const shown = user();
    const id = shown?.id ?? "";
    const version = shown?.details?.sequence ?? 0n;
    const key = keyField.value;
    const { before } = edited;
    if (before === undefined && (await isThere(id, key)))
      return new Map([["key", "This key is there already. Change its value instead."]]);
    const value = valueFrom(valueField.value, before ?? "");
    const answer = await api.setUserMetadata({ id, key, value });
    if ((answer.details?.sequence ?? 0n) <= version)
      return new Map([["value", "Nothing to save: this is the value already."]]);
    return async () => {
      if (await stored(id, answer)) leave();
    };
  }

  /** Whether the user has the key. If the server cannot say, it will say why when the entry is set. */
  const isThere = (id: string, key: string) =>
    api.getUserMetadata({ id, key }).then(
      () => true,
      () => false,
    );

  function leave(): void {
    left(edited.before === undefined ? undefined : edited.key);
  }

  return {
    open(key, before) {
      edited = { key, before };
      keyField.readOnly = before !== undefined;
      keyField.value = key;
      valueField.value = before ?? "";
      form.open();
      if (before !== undefined) valueField.focus();
    },
    close: form.close,
  };
}
