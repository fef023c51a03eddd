import { randomUUID } from "node:crypto";
import { type Decision, type Head, type Micros, UniqueKeyTakenError } from "../event-store.ts";
import type { Append, Tip } from "./append.ts";

/**
 * What a decision on the latest head is to write.
 *
 * @throws UniqueKeyTakenError if another organization owns the stream.
 */
export function appendFromDecision(
  stream: string,
  latest: Tip | undefined,
  organization: string,
  { events, state, uniqueKeys, attributes, receipt, request, erases }: Decision<unknown>,
  now: () => Micros,
): Append {
  const head = latest?.head;
  if (head !== undefined && head.organization !== organization) {
    throw new UniqueKeyTakenError("the id is taken");
  }
  const at = now();
  const changedAt = head === undefined ? at : Math.max(at, head.changedAt + 1);
  const next: Head<unknown> = {
    version: (head?.version ?? 0) + events.length,
    organization,
    createdAt: head?.createdAt ?? changedAt,
    changedAt,
    state,
  };
  return {
    stream,
    change: randomUUID(),
    after: latest?.change,
    row: latest?.row,
    events,
    before: head,
    head: next,
    uniqueKeys,
    attributes,
    receipt: receipt && {
      owner: receipt.owner,
      name: receipt.name,
      content: receipt.contentOf(next),
      at,
    },
    request,
    erases,
  };
}
