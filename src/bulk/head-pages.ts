import type { HeadPage, Transfer } from "../store/transfer.ts";

/** Heads that are read at once: with one organization, most of them may be of others. */
const pageSize = 1_000;

/**
 * The heads of all users in the order of their ids, page by page.
 *
 * @param organization `undefined`: every organization.
 * @param from Only users whose id comes after this one. Default: all.
 */
export async function* headPages<State>(
  transfer: Pick<Transfer, "heads">,
  organization: string | undefined,
  from = "",
): AsyncGenerator<HeadPage<State>["heads"]> {
  for (let after: string | undefined = from; after !== undefined; ) {
    const page: HeadPage<State> = await transfer.heads({ after, limit: pageSize, organization });
    yield page.heads;
    after = page.next;
  }
}
