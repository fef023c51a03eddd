import type { User } from "../../../gen/zitadel/user_pb.ts";
import type { Api } from "../api.ts";
import { byId } from "../dom.ts";
import { problemFrom } from "../problem.ts";
import { createPermissions, type Permissions } from "./permissions.ts";

/** Reads one user at a time: who is asked for last. The page is marked as busy meanwhile. */
export interface PersonReader {
  /**
   * Ask the server for a user, and forget whom it was asked for before.
   *
   * @returns When everything is shown, or nothing will be, because somebody else was asked for.
   */
  read(userId: string): Promise<void>;
  /** Forget whom the server was asked for. */
  cancel(): void;
}

type Outcomes = {
  /**
   * The server has answered.
   *
   * @param signal Aborted when somebody else is asked for.
   * @returns When everything is shown.
   */
  found(user: User, permissions: Permissions, signal: AbortSignal): Promise<void>;
  /** The user could not be read. */
  failed(text: string): void;
};

/** Finds the part of the page that is busy. */
export function createPersonReader(api: Api, { found, failed }: Outcomes): PersonReader {
  const section = byId("person", HTMLElement);
  const permissions = createPermissions(api);
  let reading = new AbortController();

  return {
    async read(userId) {
      reading.abort();
      reading = new AbortController();
      const { signal } = reading;
      section.ariaBusy = "true";
      try {
        const [{ user }, may] = await Promise.all([
          api.getUserByID({ id: userId }, { signal }),
          permissions(),
        ]);
        if (signal.aborted) return;
        section.ariaBusy = null;
        if (user !== undefined) await found(user, may, signal);
      } catch (error) {
        const { text, isCanceled } = problemFrom(error);
        if (isCanceled) return;
        section.ariaBusy = null;
        failed(text);
      }
    },
    cancel: () => reading.abort(),
  };
}
