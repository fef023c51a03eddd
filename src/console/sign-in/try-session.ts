import { createApi, createTransport } from "../api.ts";
import { problemFrom } from "../problem.ts";
import type { Session } from "./session.ts";

/** Why the server does not accept a session, and what of it would have to be another. */
export type Rejection = {
  readonly wrong: "token" | "organization" | "neither";
  readonly text: string;
};

/** Reasons of errors that another organization id would correct. */
const organizationReasons: readonly string[] = ["ORGANIZATION_NOT_FOUND", "MEMBERSHIP_NOT_FOUND"];

/** Reasons of errors that another token would correct. */
const tokenReasons: readonly string[] = ["TOKEN_INVALID", "AUTH_HEADER_INVALID"];

/** Make a call with a session. @returns `undefined` if the server accepts it. */
export async function trySession(session: Session): Promise<Rejection | undefined> {
  try {
    // Whether anybody is found does not matter.
    await createApi(createTransport(session)).listUsers({ query: { limit: 1 } });
    return undefined;
  } catch (error) {
    const { reason, text } = problemFrom(error);
    if (tokenReasons.includes(reason)) return { wrong: "token", text };
    if (organizationReasons.includes(reason)) return { wrong: "organization", text };
    return { wrong: "neither", text };
  }
}
