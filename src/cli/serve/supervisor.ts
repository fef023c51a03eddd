import type { Snapshot } from "../../telemetry/exposition.ts";
import type { Start } from "./log-start.ts";

/**
 * What a server process reports to and takes orders from: the signals of the operating system, or the first
 * process if several share the port.
 */
export type Supervisor = {
  /** The server listens. May end the process. */
  ready(start: Start): void;
  /** Called once, before `ready`. Resolves with a reason, for the log, when it is time to drain. */
  stop(): Promise<string>;
  /** @param reload Reads the TLS files again. */
  onReload(reload: () => void): void;
  /** Counts over all processes that share the port. Default: there is only this process. */
  readonly together?: {
    /** @param count What this process has counted. */
    onCount(count: () => Promise<Snapshot>): void;
    /** What each of them has counted. */
    count(): Promise<readonly Snapshot[]>;
  };
};
