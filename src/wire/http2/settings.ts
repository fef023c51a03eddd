import type { Buffer } from "node:buffer";
import { http2Limits } from "../limits.ts";
import { codes, maxPayloadBytes } from "./frames.ts";
import { maxWindow } from "./windows.ts";

/** RFC 9113, section 6.5.2, and RFC 9218, section 2.1. */
const settings = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
  noPriorities: 9,
} as const;

/**
 * The payload of our SETTINGS. All others stay at their defaults, so nothing depends on when the client acknowledges
 * them: what is bounded here is bounded from the first byte.
 */
export const ourSettings = Uint8Array.from(
  [
    [settings.maxConcurrentStreams, http2Limits.maxStreams] as const,
    [settings.maxHeaderListSize, http2Limits.maxListBytes] as const,
  ].flatMap(([id, value]) => [0, id, value >>> 24, value >>> 16, value >>> 8, value]),
);

/** What a client's SETTINGS change. */
export type SettingsTarget = {
  setHeaderTableSize(bytes: number): void;
  /** @returns False if a window would become larger than windows may be. */
  setInitialWindow(bytes: number): boolean;
};

/**
 * Apply the payload of a SETTINGS frame, in order (section 6.5.3). Unknown settings are ignored.
 *
 * @returns An error code, or `codes.noError`.
 */
export function applySettings(
  bytes: Buffer,
  from: number,
  to: number,
  target: SettingsTarget,
): number {
  for (let at = from; at < to; at += 6) {
    const value = bytes.readUInt32BE(at + 2);
    switch (bytes.readUInt16BE(at)) {
      case settings.headerTableSize:
        target.setHeaderTableSize(value);
        break;
      case settings.enablePush:
      case settings.noPriorities:
        if (value > 1) return codes.protocolError;
        break;
      case settings.initialWindowSize:
        if (value > maxWindow || !target.setInitialWindow(value)) return codes.flowControlError;
        break;
      case settings.maxFrameSize:
        // Our frames are never larger than the smallest maximum.
        if (value < maxPayloadBytes || value > 0xffffff) return codes.protocolError;
        break;
    }
  }
  return codes.noError;
}
