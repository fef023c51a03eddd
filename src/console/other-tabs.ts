import type { Session } from "./session.ts";

/**
 * Tabs of this browser that show the same server tell each other who is signed in, so that a link that is opened in
 * another tab needs no second sign-in. The token is not stored for that: it is gone with the last tab.
 */
export interface OtherTabs {
  /**
   * Ask the other tabs who is signed in.
   *
   * @param refused A token that is not asked for, because the server does not accept it or its owner has signed out.
   * @returns `undefined` if no tab answers within a moment.
   */
  ask(refused: string): Promise<Session | undefined>;
  /** The next time that somebody signs in to another tab. */
  next(refused: string): Promise<Session>;
  /** Answer the others from now on, and tell those that wait. */
  share(session: Session): void;
  /** Tell the others that this token should not be used any more. */
  end(token: string): void;
}

type Message =
  | { readonly kind: "ask" }
  | { readonly kind: "session"; readonly session: Session }
  | { readonly kind: "end"; readonly token: string };

/** The others are in the same browser, and answer at once unless they are busy, in milliseconds. */
const patienceMs = 300;

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

  function next(refused: string, signal?: AbortSignal): Promise<Session> {
    return new Promise((resolve) => {
      channel.addEventListener(
        "message",
        ({ data }: MessageEvent<Message>) => {
          if (data.kind === "session" && data.session.token !== refused) resolve(data.session);
        },
        { ...(signal && { signal }) },
      );
    });
  }

  return {
    async ask(refused) {
      const waiting = new AbortController();
      const answer = next(refused, waiting.signal);
      say({ kind: "ask" });
      const silence = new Promise<undefined>((resolve) => setTimeout(resolve, patienceMs));
      const session = await Promise.race([answer, silence]);
      waiting.abort();
      return session;
    },
    next,
    share(session) {
      shared = session;
      say({ kind: "session", session });
    },
    end: (token) => say({ kind: "end", token }),
  };
}
