import type { Attack, Case } from "../mutations/attack.ts";
import { contentAttacks } from "../mutations/content.ts";
import { http1Attacks } from "../mutations/http1.ts";
import { http2Attacks } from "../mutations/http2.ts";
import { slowAttacks } from "../mutations/slow.ts";
import { tlsAttacks } from "../mutations/tls.ts";
import { createRandom } from "../random.ts";

/** The demo user. */
const userId = "163840776835432705";

/** All families except the slow ones, which run at the same time as these. */
export const attacks: readonly Attack[] = [
  ...contentAttacks,
  ...http1Attacks,
  ...http2Attacks,
  ...tlsAttacks,
];

/** A case, and the name under which it can be made again. */
export type Order = {
  readonly id: string;
  readonly attack: Attack;
  readonly make: (token: string) => Case;
};

/** The same seed and index give the same case, whatever ran before. */
function order(seed: string, attack: Attack, index: number, floodFrames: number): Order {
  const id = `${attack.name} #${index}`;
  const random = createRandom(`${seed}/${id}`);
  return { id, attack, make: (token) => attack.make(random, { token, userId, floodFrames }) };
}

/** @param count How many of each slow family. */
export function slowCases(seed: string, count: number): Order[] {
  return slowAttacks.flatMap((attack) =>
    Array.from({ length: count }, (_, index) => order(seed, attack, index, 0)),
  );
}

export type ScheduleOptions = {
  readonly seed: string;
  /** Mutated requests and openings in all. There may be a few more, because the last connection may hold several. */
  readonly requests: number;
  /** Frames of one flood. */
  readonly floodFrames: number;
  /** Only the families that go to this server. Default: all. */
  readonly door?: Attack["door"];
};

/**
 * All cases in order. The next family with a share is always the one that is furthest behind its share. A
 * family with a number of times is spread evenly.
 */
export function* schedule({
  seed,
  requests,
  floodFrames,
  door,
}: ScheduleOptions): Generator<Order, undefined, number> {
  const chosen = attacks.filter((attack) => door === undefined || attack.door === door);
  const shared = chosen.flatMap((attack) =>
    "share" in attack.amount ? [{ attack, share: attack.amount.share, sent: 0, index: 0 }] : [],
  );
  const rare = chosen
    .flatMap((attack, place) => {
      const times = "times" in attack.amount ? attack.amount.times : 0;
      return Array.from({ length: times }, (_, index) => ({
        attack,
        index,
        at: ((index + (place + 1) / (chosen.length + 1)) / times) * requests,
      }));
    })
    .sort((a, b) => a.at - b.at);
  for (let sent = 0; ; ) {
    const [next] = rare;
    if (next !== undefined && next.at <= sent) {
      rare.shift();
      sent += yield order(seed, next.attack, next.index, floodFrames);
      continue;
    }
    const turn = shared.reduce((a, b) => (b.sent / b.share < a.sent / a.share ? b : a));
    const count = yield order(seed, turn.attack, turn.index, floodFrames);
    turn.index += 1;
    turn.sent += count;
    sent += count;
  }
}
