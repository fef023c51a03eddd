import type { Session } from "./session.ts";

/**
 * Tabs of this browser that show the same server tell each other who is signed in, so that a link that is opened in
 * another tab needs no second sign-in. The token is not stored for that: it is gone with the last tab.
 */
export interface OtherTabs {
  /**
   * The next time that another tab says who is signed in.
   *
   * @param refused A token that is of no use, because the server does not accept it or its owner has signed out.
   */
  next(refused: string): Promise<Session>;
  /**
   * Ask the other tabs who is signed in.
   *
   * @param answer Of `next`.
   * @returns `undefined` if no tab answers within a moment.
   */
  ask(answer: Promise<Session>): Promise<Session | undefined>;
  /** Answer the others from now on, and tell those that wait. */
  share(session: Session): void;
  /** Tell the others that this token should not be used any more. */
  end(token: string): void;
}

type Message =
  | { readonly kind: "ask" }
  | { readonly kind: "session"; readonly session: Session }
  | { readonly kind: "end"; readonly token: string };

/**
 * The others are in the same browser, and answer at once unless they are busy. A later answer takes the form away
 * that is shown meanwhile. In milliseconds.
 */
const patienceMs = 100;

/** @param onEnd Called when somebody has signed out in another tab, with the token that was shared. */
export function createOtherTabs(onEnd: () => void): OtherTabs {
  const channel = new BroadcastChannel("giraffe");
  const say = (message: Message) => channel.postMessage(message);
  let shared: Session | undefined;

  channel.addEventListener("message", ({ data }: MessageEvent<Message>) => {
    if (shared === undefined) return;
    if (data.kind === "ask") say({ kind: "session", session: shared });
    if (data.kind === "end" && data.token === shared.token) onEnd();
  });

  return {
    next: (refused) =>
      new Promise((resolve) => {
        channel.addEventListener("message", ({ data }: MessageEvent<Message>) => {
          if (data.kind === "session" && data.session.token !== refused) resolve(data.session);
        });
      }),
    ask(answer) {
      say({ kind: "ask" });
      const silence = new Promise<undefined>((resolve) => setTimeout(resolve, patienceMs));
      return Promise.race([answer, silence]);
    },
    share(session) {
      shared = session;
      say({ kind: "session", session });
    },
    end: (token) => say({ kind: "end", token }),
  };
}
