import type { Snapshot } from "../../telemetry/exposition.ts";

/** Is told when a server is ready, and tells it when to drain: the signals, or the first process. */
export type Supervisor = {
  /** The server listens at this URL. May end the process. */
  ready(url: string): void;
  /** Called once, before `ready`. Resolves with the reason when it is time to drain. */
  stop(): Promise<string>;
  /** @param reload Reads the TLS files again. */
  onReload(reload: () => void): void;
  /** The processes that share the port. Default: there is only this one. */
  readonly together?: {
    /** @param count What this process has counted. */
    onCount(count: () => Promise<Snapshot>): void;
    /** What each of them has counted. */
    count(): Promise<readonly Snapshot[]>;
  };
};
