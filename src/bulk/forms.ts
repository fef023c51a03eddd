import type { Micros } from "../store/event-store.ts";
import type { PreparedSource } from "./import/prepared-source.ts";

/** What an input is opened with. */
export type OpenWith = {
  /** For what has no date in the input. */
  readonly now: Micros;
  /** For an input that is a URL. */
  readonly token: string | undefined;
  /** Where the events of a URL are kept. */
  readonly spool: string | undefined;
};

/** Opens an input of another form. */
type Open = (input: string, open: OpenWith) => Promise<PreparedSource>;

/** Forms of other systems, each with what reads it. Loaded only if it is used. */
const forms = {
  "zitadel-export": async (input, { now }) => {
    const { openZitadelExport } = await import("./zitadel/open-export.ts");
    return openZitadelExport(input, now);
  },
  "zitadel-events": async (input, { token, spool, now }) => {
    if (token !== undefined && spool !== undefined) {
      const { openZitadelLog } = await import("./zitadel/log/open-log.ts");
      return openZitadelLog(input, { token, file: spool, now });
    }
    const { openZitadelEvents } = await import("./zitadel/log/open-events.ts");
    return openZitadelEvents(input);
  },
  "zitadel-users": async (input, { now }) => {
    const { openZitadelUsers } = await import("./zitadel/open-users.ts");
    return openZitadelUsers(input, now);
  },
  keycloak: (input) => openMappedForm("keycloak", input),
  scim: (input) => openMappedForm("scim", input),
} as const satisfies Readonly<Record<string, Open>>;

async function openMappedForm(form: "keycloak" | "scim", input: string): Promise<PreparedSource> {
  const { openMapped } = await import("./mapped/open-mapped.ts");
  const { mappings } = await import("./mapped/mapping.ts");
  return openMapped(input, mappings[form]);
}

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
export function openForm(form: Form, input: string, open: OpenWith): Promise<PreparedSource> {
  return forms[form](input, open);
}
