/**
 * Loaded before a server: a wall clock that jumps every fifty times that it is read, an hour back or a year
 * ahead and back again. Timers and `performance.now` are not changed.
 */

const hourMs = 3_600_000;
const jumpsMs = [0, -hourMs, 60_000, -24 * hourMs, 365 * 24 * hourMs, 0, -1];

const trueNow = Date.now;
let looks = 0;
Date.now = () => {
  looks += 1;
  return trueNow() + (jumpsMs[Math.floor(looks / 50) % jumpsMs.length] ?? 0);
};
