import type { User } from "../../../../gen/zitadel/user_pb.ts";
import { ifVersion } from "../../api.ts";
import { byId } from "../../dom.ts";
import { createEditForm } from "../../form/edit-form.ts";
import type { Stored } from "../../form/form-values.ts";
import { type Answer, readUser, storedFrom, type Tools } from "../report.ts";
import { textFrom, valueFrom } from "./metadata-value.ts";

/** The form that sets one entry of the metadata of a user. */
export interface MetadataForm {
  /**
   * Show the form.
   *
   * @param key Of the entry that is edited, which then stays as it is; empty for a new entry.
   * @param text What is stored under the key.
   */
  open(user: User, key: string, text: string): void;
  /**
   * Show the form with the draft that was left there for a user.
   *
   * @returns Whether there is one.
   */
  restore(userId: string): boolean;
  /** Hide the form. What was typed stays a draft. */
  close(): void;
}

type Surroundings = {
  /**
   * Called when the server has stored the entry.
   *
   * @returns Whether the user is shown again.
   */
  stored(userId: string, answer: Answer): Promise<boolean>;
  /**
   * Called when the form was closed and the user is on the page, so that the focus can be put elsewhere.
   *
   * @param key Of the entry whose text was edited; empty if the entry is new.
   */
  left(key: string): void;
};

/** Finds the form in the page. */
export function createMetadataForm(tools: Tools, { stored, left }: Surroundings): MetadataForm {
  const { api } = tools;
  const keyField = byId("metadata-key", HTMLInputElement);
  const valueField = byId("metadata-value", HTMLTextAreaElement);
  /** The key of the entry that is edited; empty for a new one. */
  let editedKey = "";
  const form = createEditForm("metadata-form", {
    ...tools,
    fields: { key: keyField, value: valueField },
    opened({ values }) {
      editedKey = values.key ?? "";
      keyField.readOnly = editedKey !== "";
    },
    save,
    reload,
    left: () => left(editedKey),
  });

  async function save({ userId: id, version, values }: Stored) {
    const key = keyField.value;
    // Read now: while the server answers, the form may be closed, and opened for somebody else.
    const value = valueFrom(valueField.value, values.value ?? "");
    if (editedKey === "" && (await read(id, key)) !== undefined)
      return new Map([["key", "This key is there already. Change its value instead."]]);
    const answer = await api.setUserMetadata({ id, key, value }, ifVersion(version));
    if ((answer.details?.sequence ?? 0n) <= version)
      return new Map([["value", "Nothing to save: this is the value already."]]);
    return () => stored(id, answer);
  }

  async function reload({ userId }: Stored): Promise<Stored> {
    const user = await readUser(api, userId);
    const value = editedKey === "" ? undefined : await read(userId, editedKey);
    const text = value === undefined ? undefined : textFrom(value);
    return storedFrom(user, { key: editedKey, value: text ?? "" });
  }

  /** `undefined` if the user has no such key. If the server cannot say, it will say why when the entry is set. */
  const read = (id: string, key: string) =>
    api.getUserMetadata({ id, key }).then(
      ({ metadata }) => metadata?.value,
      () => undefined,
    );

  return {
    open(user, key, text) {
      form.open(storedFrom(user, { key, value: text }));
      if (key !== "") valueField.focus();
    },
    restore: form.restore,
    close: form.close,
  };
}
