import type { HumanState } from "../../domain/human-state.ts";
import type { LatestChange, NewStream, Transfer } from "../../store/transfer.ts";
import type { Written } from "../line/read-user.ts";
import { reasonOf, rejectOf, type UserOfLine } from "./read-batch.ts";
import type { Reject } from "./rejects.ts";

/** A user to be written. */
export type PlannedUser = Pick<UserOfLine, "line"> & { readonly stream: NewStream };

/** What becomes of the users of a batch. */
export type WritePlan = {
  readonly planned: readonly PlannedUser[];
  readonly problems: readonly Reject[];
  /** Users who are as their lines say already. */
  readonly unchanged: number;
};

/** All users as new ones: an id that is taken is found when they are written. */
export function planAdditions(users: readonly UserOfLine[]): WritePlan {
  return planOf(users, (user) => streamOf(user, user.user.add(), undefined));
}

/** New users, and what is new about those who are there. */
export async function planChanges(
  users: readonly UserOfLine[],
  transfer: Pick<Transfer, "latest" | "attributes">,
): Promise<WritePlan> {
  const ids = users.flatMap(({ user }) => (user.userId === undefined ? [] : [user.userId]));
  const known = await transfer.latest<HumanState>(ids);
  const steps = new Map<UserOfLine, () => NewStream | undefined>();
  for (const each of users) {
    const latest = known.get(each.userId);
    if (latest === undefined) continue;
    const attributes = each.user.needsAttributes(latest.head.state)
      ? ((await transfer.attributes(each.userId))?.attributes ?? [])
      : [];
    steps.set(each, () => continued(each, latest, () => each.user.change({ latest, attributes })));
  }
  return planOf(users, (user) => {
    const step = steps.get(user);
    return step === undefined ? streamOf(user, user.user.add(), undefined) : step();
  });
}

/** @param step What is to be written of a user. */
function planOf(
  users: readonly UserOfLine[],
  step: (user: UserOfLine) => NewStream | undefined,
): WritePlan {
  const planned: PlannedUser[] = [];
  const problems: Reject[] = [];
  let unchanged = 0;
  for (const user of users) {
    try {
      const stream = step(user);
      if (stream === undefined) unchanged += 1;
      else planned.push({ line: user.line, stream });
    } catch (error) {
      problems.push(rejectOf(user.line, reasonOf(error)));
    }
  }
  return { planned, problems, unchanged };
}

function continued(
  user: UserOfLine,
  latest: LatestChange<HumanState>,
  change: () => Written | undefined,
): NewStream | undefined {
  const { organization } = latest.head;
  if (organization === user.organization) return streamOf(user, change(), latest);
  throw new Error(`the user belongs to the organization ${JSON.stringify(organization)} here`);
}

function streamOf(
  { userId, organization }: UserOfLine,
  written: Written | undefined,
  after: LatestChange<HumanState> | undefined,
): NewStream | undefined {
  return written && { stream: userId, organization, ...written, ...(after && { after }) };
}
