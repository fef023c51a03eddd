/** Who is signed in. It is kept for this tab until the tab is closed, and never in a cookie or an address. */
export type Session = {
  readonly token: string;
  /** Empty for the organization that the token belongs to. */
  readonly organization: string;
};

const keys = { token: "giraffe.token", organization: "giraffe.organization" } as const;

/** Under this key is why the last session ended, which the next sign-in shows. */
const noticeKey = "giraffe.notice";

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

/** Let the next sign-in show why the session ended. */
export function leaveNotice(notice: string): void {
  sessionStorage.setItem(noticeKey, notice);
}

/** Why the last session ended. Only the first call after that returns it; further ones return "". */
export function takeNotice(): string {
  const notice = sessionStorage.getItem(noticeKey) ?? "";
  sessionStorage.removeItem(noticeKey);
  return notice;
}
