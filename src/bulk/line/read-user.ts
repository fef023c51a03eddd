import type { HumanState } from "../../domain/human-state.ts";
import type { Attribute } from "../../store/attributes.ts";
import type { LatestChange, NewStream } from "../../store/transfer.ts";

/** A user as a line says it, whatever its form. */
export type ReadUser = {
  /** `undefined`: any new one. */
  readonly userId: string | undefined;
  /** `undefined`: the only one there is. */
  readonly organization: string | undefined;
  /** Whether the line says that the user is gone: its organization may be gone, too. Default: false. */
  readonly isGone?: boolean;
  /** @returns `undefined` if there is nothing to write. */
  add(): Written | undefined;
  /** Whether `change` must know the attributes of the user. */
  needsAttributes(state: HumanState): boolean;
  /**
   * What makes a user who is there like the line.
   *
   * @returns `undefined` if there is nothing to write.
   * @throws Error if the user was changed since it was imported.
   */
  change(known: KnownUser): Written | undefined;
};

/** What is written of a user. */
export type Written = Pick<NewStream, "decisions" | "past">;

/** A user who is there. */
export type KnownUser = {
  readonly latest: LatestChange<HumanState>;
  /** Empty unless they were asked for. */
  readonly attributes: readonly Attribute[];
};

/**
 * Refuse to overwrite what was changed here.
 *
 * @throws Error if anybody but an import has changed the user.
 */
export function assertUntouched({ isTransferred, head }: LatestChange<HumanState>): void {
  if (isTransferred) return;
  throw new Error(
    `the user was changed here after the last import (version ${head.version}), so it is not overwritten`,
  );
}
