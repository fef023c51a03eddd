import type { Micros } from "../store/event-store.ts";
import type { PreparedSource } from "./prepared-source.ts";

/** Opens an input of another form. */
type Open = (input: string, now: Micros) => Promise<PreparedSource>;

/** Forms of other systems, each with what reads it. Loaded only if it is used. */
const forms = {
  "zitadel-export": async (input, now) => {
    const { openZitadelExport } = await import("./zitadel/open-export.ts");
    return openZitadelExport(input, now);
  },
  "zitadel-events": async (input) => {
    const { openZitadelEvents } = await import("./zitadel/open-events.ts");
    return openZitadelEvents(input);
  },
  "zitadel-users": async (input, now) => {
    const { openZitadelUsers } = await import("./zitadel/open-users.ts");
    return openZitadelUsers(input, now);
  },
} as const satisfies Readonly<Record<string, Open>>;

/** The name of a form of another system. */
export type Form = keyof typeof forms;

/** All names, in the order of the help. */
export const formNames = Object.keys(forms) as readonly Form[];

/** @returns `undefined` if there is no such form. */
export function formFrom(name: string): Form | undefined {
  return formNames.find((each) => each === name);
}

/**
 * Open an input of another form.
 *
 * @throws BulkError if it cannot be read, or has another form.
 */
export function openForm(form: Form, input: string, now: Micros): Promise<PreparedSource> {
  return forms[form](input, now);
}
