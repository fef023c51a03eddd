import type { Attribute } from "../store/attributes.ts";
import type { Head } from "../store/event-store.ts";
import type { HeadPage, Transfer } from "../store/transfer.ts";
import { headPages } from "./head-pages.ts";

/** A user as it was at some moment. */
export type WalkedUser<State> = {
  readonly userId: string;
  readonly head: Head<State>;
  readonly attributes: readonly Attribute[];
};

/**
 * Everybody, in the order of their ids, page by page. Each user is as it was at some moment while they were
 * read.
 *
 * @param organization Default: every organization.
 * @param mayHaveAttributes Whether a user may have attributes, which must be read then.
 */
export async function* walkUsers<State>(
  transfer: Pick<Transfer, "heads" | "attributes">,
  organization: string | undefined,
  mayHaveAttributes: (state: State) => boolean,
): AsyncGenerator<AsyncIterable<WalkedUser<State>>> {
  for await (const heads of headPages<State>(transfer, organization)) yield usersOf(heads);

  /** If there may be attributes, the head is read again with them: both are as they were at one moment. */
  async function* usersOf(heads: HeadPage<State>["heads"]) {
    for (const { stream: userId, head } of heads) {
      if (!mayHaveAttributes(head.state)) yield { userId, head, attributes: [] };
      else {
        const whole = await transfer.attributes<State>(userId);
        if (whole !== undefined) yield { userId, ...whole };
      }
    }
  }
}
