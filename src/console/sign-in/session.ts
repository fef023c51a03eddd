/** Who is signed in. It is kept for this tab until the tab is closed, and never in a cookie or an address. */
export type Session = {
  readonly token: string;
  /** Empty for the organization that the token belongs to. */
  readonly organization: string;
};

/** Whether a text can be the id of an organization: others cannot be sent in a header. */
export function canNameOrganization(text: string): boolean {
  return /^[ -~]*$/.test(text);
}

const keys = { token: "giraffe.token", organization: "giraffe.organization" } as const;

/** Under this key is why the last session ended, until the next sign-in. */
const endKey = "giraffe.end";

/** Who is signed in; `undefined` for nobody. */
export function readSession(): Session | undefined {
  const token = sessionStorage.getItem(keys.token);
  if (token === null) return undefined;
  return { token, organization: sessionStorage.getItem(keys.organization) ?? "" };
}

/** Remember who has signed in, for this tab. */
export function keepSession({ token, organization }: Session): void {
  sessionStorage.setItem(keys.token, token);
  sessionStorage.setItem(keys.organization, organization);
}

/** Forget who was signed in. */
export function forgetSession(): void {
  for (const key of Object.values(keys)) sessionStorage.removeItem(key);
}

/** Why a session has ended, for the sign-in that comes next. */
export type End = {
  /** For people; empty if they know. */
  readonly notice: string;
  /** The token that is of no use any more; empty for none. */
  readonly token: string;
};

/** Leave that for the next sign-in. */
export function leaveEnd(end: End): void {
  sessionStorage.setItem(endKey, JSON.stringify(end));
}

/** Why the last session ended. Only the first call after that returns it; further ones return nothing. */
export function takeEnd(): End {
  const text = sessionStorage.getItem(endKey);
  sessionStorage.removeItem(endKey);
  return text === null ? { notice: "", token: "" } : (JSON.parse(text) as End);
}
