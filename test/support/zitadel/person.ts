import type { Random } from "./random.ts";
import { momentOf, type WorldEvent, type WorldOrganization } from "./world.ts";

// Long because of the table of everything that can happen to a person.

/** A person as ZITADEL would show it. */
export type Shown = {
  userName: string;
  firstName: string;
  lastName: string;
  nickName: string;
  displayName: string;
  /** `und` if there is none. */
  preferredLanguage: string;
  /** As ZITADEL keeps it: -1 is one that it does not know. */
  gender: number;
  email: string;
  isEmailVerified: boolean;
  phone: string;
  isPhoneVerified: boolean;
  state: "active" | "inactive" | "locked";
  metadata: Map<string, Buffer>;
};

/** An event that Giraffe keeps, as its history is to show it. */
export type Kept = {
  readonly type: string;
  readonly version: number;
  readonly at: string;
  readonly creator: string;
};

/** Somebody who was there at some time. */
export type Person = {
  readonly id: string;
  readonly organization: WorldOrganization;
  readonly events: readonly WorldEvent[];
  /** `undefined`: not a person, or removed. */
  readonly shown: Shown | undefined;
  readonly isMachine: boolean;
  readonly kept: readonly Kept[];
  readonly sequence: number;
  readonly creationDate: string;
  readonly changeDate: string;
  /** Have a whole life so far. */
  live(): void;
  /** Let some more happen. */
  liveOn(): void;
};

const names = [
  "Ama",
  "Bo",
  "Chloé",
  "Đặng",
  "Ewa",
  "Faʻafetai",
  "Gülşen",
  "Ḥasan",
  "中村",
  "🦒 Gigi",
];
const creators = ["90000000000000001", "SYSTEM", "LOGIN", "NOTIFICATION", "an editor who is gone"];
const languages = ["und", "de", "en", "fr-CA", "zh-Hant"];

/** What happens later is dated behind everything that was there: enough for 10,000 people. */
const stepsOfEra = 500_000;

/** Events that say nothing about a profile. Some of them carry secrets. */
const silent: readonly [type: string, payload: Record<string, unknown> | null][] = [
  ["user.human.password.check.succeeded", null],
  ["user.human.password.changed", { encodedHash: "$2a$14$not-a-real-hash", changeRequired: false }],
  ["user.password.changed", { secret: { crypted: "c2VjcmV0" } }],
  ["user.human.email.code.added", { code: { crypted: "c2VjcmV0" }, expiry: 3600 }],
  ["user.human.email.code.sent", null],
  ["user.human.mfa.otp.added", { otpSecret: { crypted: "c2VjcmV0" } }],
  ["user.human.passwordless.token.added", { webAuthNTokenId: "1", keyId: "a2V5" }],
  ["user.human.refresh.token.added", { tokenId: "1", clientId: "2" }],
  ["user.token.added", { tokenId: "1", applicationId: "2" }],
  ["user.human.externalidp.added", { idpConfigId: "3", userId: "4" }],
  ["user.human.initialization.code.added", { code: { crypted: "c2VjcmV0" } }],
  ["user.human.initialization.check.succeeded", null],
  ["user.initialization.code.added", { code: { crypted: "c2VjcmV0" } }],
  ["user.initialization.check.succeeded", null],
  ["user.address.changed", { country: "CH", locality: "Bern" }],
  ["user.human.avatar.added", { storeKey: "users/1/avatar" }],
  ["user.human.avatar.removed", { storeKey: "users/1/avatar" }],
];

export function createPerson(
  index: number,
  organization: WorldOrganization,
  random: Random,
): Person {
  const id = `8${String((index * 7_919) % 100_003).padStart(6, "0")}${String(index).padStart(10, "0")}`;
  const events: WorldEvent[] = [];
  const isMachine = index % 23 === 22;
  let kept: Kept[] = [];
  let shown: Shown | undefined;
  let creationDate = "";
  let turn = 0;
  let era = 0;

  /** @param as The type that Giraffe keeps; `undefined`: it does not keep it. */
  function happen(event_type: string, payload: WorldEvent["payload"], as?: string): string {
    const sequence = events.length + 1;
    const creator = random.pick(creators);
    // Two events of one push have one date, and people whose numbers differ by one have events of the same dates.
    const at = momentOf(era * stepsOfEra + (index & ~1) * 40 + (events.length & ~1) + 10);
    const aggregate = { aggregate_type: "user" as const, aggregate_id: id, owner: organization.id };
    events.push({ ...aggregate, event_type, sequence, created_at: at, creator, payload });
    if (as !== undefined) kept.push({ type: as, version: sequence, at, creator });
    return at;
  }

  function add(): void {
    turn += 1;
    const gender = random.below(4);
    const language = random.pick(languages);
    const phone = random.below(2) === 0 ? "" : `+4144668${String(index % 10_000).padStart(4, "0")}`;
    const nickName = random.pick(["", "Gi"]);
    const [firstName, lastName] = [random.pick(names), `${random.pick(names)} ${index}`];
    const userName = `user-${index}-${turn}@giraffe.example`;
    const email = `${userName}.mail`;
    const displayName = `${firstName} ${lastName}`;
    kept = [];
    creationDate = happen(
      random.pick([
        "user.human.added",
        "user.human.selfregistered",
        "user.added",
        "user.selfregistered",
      ]),
      {
        ...{ userName, firstName, lastName, displayName, email },
        ...(nickName !== "" && { nickName }),
        ...(language === "und" ? { preferredLanguage: "und" } : { preferredLanguage: language }),
        ...(gender !== 0 && { gender }),
        ...(phone !== "" && { phone }),
        ...(random.below(3) === 0 && {
          encodedHash: "$2a$14$not-a-real-hash",
          changeRequired: true,
        }),
        ...(random.below(5) === 0 && { country: "CH", locality: "Bern", streetAddress: "Zoo 1" }),
      },
      "user.human.added",
    );
    const names1 = { userName, firstName, lastName, nickName, displayName };
    const contact = { email, isEmailVerified: false, phone, isPhoneVerified: false };
    const metadata = new Map<string, Buffer>();
    const state = "active" as const;
    shown = { ...names1, preferredLanguage: language, gender, ...contact, state, metadata };
  }

  /** Everything that can happen to somebody who is there, and what comes of it. */
  const happenings: readonly ((it: Shown) => void)[] = [
    (it) => {
      it.firstName = `${random.pick(names)} ${events.length}`;
      it.gender = random.pick([-1, 0, 1, 2, 3]);
      const old = random.below(2) === 0;
      const changed = { firstName: it.firstName, gender: it.gender };
      happen(
        old ? "user.profile.changed" : "user.human.profile.changed",
        changed,
        "user.human.profile.changed",
      );
    },
    (it) => {
      it.nickName = "";
      it.displayName = `D ${events.length}`;
      it.preferredLanguage = "und";
      const cleared = { nickName: "", displayName: it.displayName, preferredLanguage: "und" };
      happen("user.human.profile.changed", cleared, "user.human.profile.changed");
    },
    (it) => {
      it.email = `changed-${index}-${events.length}@giraffe.example`;
      it.isEmailVerified = false;
      const type = random.pick(["user.human.email.changed", "user.email.changed"]);
      happen(type, { email: it.email }, "user.human.email.changed");
    },
    (it) => {
      it.isEmailVerified = true;
      happen(
        random.pick(["user.human.email.verified", "user.email.verified"]),
        null,
        "user.human.email.verified",
      );
    },
    (it) => {
      it.phone = `+4144669${String((index + events.length) % 10_000).padStart(4, "0")}`;
      it.isPhoneVerified = false;
      const type = random.pick(["user.human.phone.changed", "user.phone.changed"]);
      happen(type, { phone: it.phone }, "user.human.phone.changed");
    },
    (it) => {
      if (it.phone === "") return;
      it.isPhoneVerified = true;
      happen(
        random.pick(["user.human.phone.verified", "user.phone.verified"]),
        null,
        "user.human.phone.verified",
      );
    },
    (it) => {
      it.phone = "";
      it.isPhoneVerified = false;
      happen(
        random.pick(["user.human.phone.removed", "user.phone.removed"]),
        null,
        "user.human.phone.removed",
      );
    },
    (it) => {
      it.userName = `Name-${index}-${events.length}`;
      happen("user.username.changed", { userName: it.userName }, "user.username.changed");
    },
    (it) => {
      it.userName = `claimed-${index}-${events.length}@temporary.example`;
      const payload = {
        userName: it.userName,
        urlTemplate: "https://x.example",
        triggerOrigin: "",
      };
      happen("user.domain.claimed", payload, "user.username.changed");
    },
    (it) => {
      if (it.state !== "active") return;
      it.state = "locked";
      happen("user.locked", null, "user.locked");
      if (random.below(2) === 0) return;
      it.state = "active";
      happen("user.unlocked", null, "user.unlocked");
    },
    (it) => {
      if (it.state !== "active") return;
      it.state = "inactive";
      happen("user.deactivated", null, "user.deactivated");
      if (random.below(2) === 0) return;
      it.state = "active";
      happen("user.reactivated", null, "user.reactivated");
    },
    (it) => {
      const key = random.pick(["desk", "color", "a/b"]);
      const value = Buffer.from([random.below(256), 0, events.length % 256]);
      it.metadata.set(key, value);
      happen("user.metadata.set", { key, value: value.toString("base64") }, "user.metadata.set");
    },
    (it) => {
      const [key] = it.metadata.keys();
      if (key === undefined) return;
      it.metadata.delete(key);
      happen("user.metadata.removed", { key }, "user.metadata.removed");
    },
    (it) => {
      if (it.metadata.size === 0) return;
      it.metadata.clear();
      happen("user.metadata.removed.all", null, "user.metadata.removed.all");
    },
  ];

  function liveSome(): void {
    if (isMachine) return void happen("user.machine.changed", { description: "d" });
    if (shown === undefined) return;
    if (random.below(20) === 0) {
      remove(random.below(2) === 0);
      return;
    }
    const count = random.below(6);
    for (let step = 0; step < count; step += 1) {
      if (random.below(3) === 0) happen(...random.pick(silent));
      else random.pick(happenings)(shown);
    }
  }

  function remove(comesBack: boolean): void {
    happen("user.removed", null, "user.removed");
    shown = undefined;
    if (comesBack) add();
  }

  return {
    id,
    organization,
    events,
    isMachine,
    get shown() {
      return organization.isRemoved ? undefined : shown;
    },
    get kept() {
      return kept;
    },
    get sequence() {
      return events.length;
    },
    get creationDate() {
      return creationDate;
    },
    get changeDate() {
      return events.at(-1)?.created_at ?? "";
    },
    live() {
      if (isMachine) {
        happen("user.machine.added", {
          userName: `machine-${index}`,
          name: "m",
          accessTokenType: 0,
        });
        return;
      }
      add();
      if (index % 11 === 10) return remove(index % 2 === 0);
      const all = index % 50 === 0;
      if (all) for (const each of silent) happen(...each);
      if (all && shown !== undefined) for (const each of happenings) each(shown);
      liveSome();
    },
    liveOn() {
      era += 1;
      liveSome();
    },
  };
}
