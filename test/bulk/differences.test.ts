import fc from "fast-check";
import { expect, test } from "vitest";
import { differences } from "../../src/bulk/differences.ts";
import type { PresentHuman } from "../../src/domain/human-state.ts";
import { userNameKey } from "../../src/domain/user-name.ts";
import type { Attribute } from "../../src/store/attributes.ts";

const text = fc.constantFrom("", "a", "b", " a");
const humans: fc.Arbitrary<PresentHuman> = fc
  .record({
    userName: fc.constantFrom("Gigi", "gigi", "okapi"),
    email: fc.constantFrom("a@b", "c@d"),
    isEmailVerified: fc.boolean(),
    phone: fc.constantFrom("", "+41446681800", "+41446681801"),
    isPhoneVerified: fc.boolean(),
    status: fc.constantFrom("active" as const, "inactive" as const, "locked" as const),
    profile: fc.record({
      firstName: text,
      lastName: text,
      nickName: text,
      displayName: text,
      preferredLanguage: fc.constantFrom("und", "de"),
      gender: fc.constantFrom(0 as const, 1 as const, 2 as const, 3 as const),
    }),
  })
  .map((human) => ({
    ...human,
    kind: "present" as const,
    isPhoneVerified: human.phone !== "" && human.isPhoneVerified,
  }));
const metadata = fc.dictionary(fc.constantFrom("k", "l", "m"), fc.constantFrom("1", "2"));

const bytes = (value: string) => new TextEncoder().encode(value);
const attributesOf = (entries: Record<string, string>): Attribute[] =>
  Object.entries(entries).map(([key, value]) => {
    return { key, value: bytes(value), version: 1, createdAt: 1, changedAt: 1 };
  });

test("lead from one state to any other, and are none between equal ones", () => {
  fc.assert(
    fc.property(humans, humans, metadata, metadata, (from, to, known, wanted) => {
      const values = new Map(Object.entries(wanted).map(([key, value]) => [key, bytes(value)]));
      const step = differences(from, to, values, attributesOf(known));
      const { metadataChanges = 0, ...reached } = step.state as PresentHuman;
      expect(reached).toEqual(to);
      const reachedMetadata: Record<string, string> = { ...known };
      const changes = step.attributes === "remove-all" ? [] : (step.attributes ?? []);
      for (const { key, value } of changes) {
        if (value === undefined) delete reachedMetadata[key];
        else reachedMetadata[key] = new TextDecoder().decode(value);
      }
      expect(reachedMetadata).toEqual(wanted);
      expect(metadataChanges).toBe(changes.length);
      const isRenamed = userNameKey(from.userName) !== userNameKey(to.userName);
      expect(step.uniqueKeys).toEqual(isRenamed ? [userNameKey(to.userName)] : undefined);
      const again = differences(step.state, to, values, attributesOf(wanted));
      expect(again.events).toEqual([]);
    }),
    { numRuns: 500 },
  );
});

test("leave metadata alone that is not told, and refuse a removed user", () => {
  fc.assert(
    fc.property(humans, metadata, (human, known) => {
      expect(differences(human, human, undefined, attributesOf(known)).events).toEqual([]);
      expect(() => differences({ kind: "removed" }, human, undefined, [])).toThrow(
        "was removed here",
      );
    }),
    { numRuns: 20 },
  );
});
