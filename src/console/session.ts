/** Who is signed in, for this tab until it is closed: never in a cookie, an address or for longer. */
export type Session = {
  readonly token: string;
  /** Empty for the organization that the token belongs to. */
  readonly organization: string;
};

const keys = { token: "giraffe.token", organization: "giraffe.organization" } as const;

/** Why the last session ended, for the next sign-in to show. */
const noticeKey = "giraffe.notice";

export function readSession(): Session | undefined {
  const token = sessionStorage.getItem(keys.token);
  if (token === null) return undefined;
  return { token, organization: sessionStorage.getItem(keys.organization) ?? "" };
}

export function keepSession({ token, organization }: Session): void {
  sessionStorage.setItem(keys.token, token);
  sessionStorage.setItem(keys.organization, organization);
}

/**
 * Forget who was signed in. The page starts anew, so that nothing it has shown remains.
 *
 * @param notice Says why, at the next sign-in.
 */
export function endSession(notice = ""): void {
  sessionStorage.clear();
  if (notice !== "") sessionStorage.setItem(noticeKey, notice);
  location.replace("#/");
  location.reload();
}

/** Why the last session ended; told once. */
export function takeNotice(): string {
  const notice = sessionStorage.getItem(noticeKey) ?? "";
  sessionStorage.removeItem(noticeKey);
  return notice;
}
