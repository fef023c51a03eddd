import { Worker } from "node:worker_threads";
import { errorFromReply, type Reply, type Request } from "./messages.ts";

/** A worker thread that does one piece of work at a time. */
export type Thread<Work, Result> = {
  /** Start it now. Otherwise it starts when it is first needed, and again after it has died. */
  start(): void;
  /**
   * Call it again only when the result of the last call is there.
   *
   * @param moved Of the work; the thread gets them in place of copies. Default: everything is copied.
   * @throws What the work threw.
   * @throws ThreadDiedError if the thread died meanwhile.
   */
  run(work: Work, moved?: readonly ArrayBuffer[]): Promise<Result>;
  /** Ends the thread. */
  close(): Promise<void>;
};

/** A thread died before it answered. `cause` is the error it died of; `undefined` if it was ended. */
export class ThreadDiedError extends Error {
  override readonly name = "ThreadDiedError";
}

/**
 * @param module Calls `answerRequests`.
 * @param data The module's `workerData`.
 */
export function createThread<Work, Result>(module: URL, data: unknown): Thread<Work, Result> {
  let running: PromiseWithResolvers<Result> | undefined;
  let thread: Worker | undefined;

  function take(): PromiseWithResolvers<Result> | undefined {
    const taken = running;
    running = undefined;
    return taken;
  }

  function startWorker(): Worker {
    const worker = new Worker(threadEntry(module), { eval: true, workerData: data });
    let failure: unknown;
    worker.on("message", (reply: Reply<Result>) => {
      if (reply.kind === "done") take()?.resolve(reply.result);
      else take()?.reject(errorFromReply(reply));
    });
    worker.on("error", (error) => {
      failure = error;
    });
    worker.on("exit", () => {
      thread = undefined;
      take()?.reject(new ThreadDiedError("the thread died", { cause: failure }));
    });
    return worker;
  }

  return {
    start() {
      thread ??= startWorker();
    },

    run(work, moved = []) {
      running = Promise.withResolvers<Result>();
      thread ??= startWorker();
      thread.postMessage({ kind: "work", work } satisfies Request<Work>, moved);
      return running.promise;
    },

    close() {
      return new Promise((resolve) => {
        if (thread === undefined) return resolve();
        thread.once("exit", () => resolve());
        thread.postMessage({ kind: "close" } satisfies Request<Work>);
      });
    },
  };
}

/**
 * A line of JavaScript that takes `__proto__` away, as main.js does, and turns the compile cache on before it imports anything. Threads do not inherit
 * the cache, and without it stripping types costs each thread 20 MB and 100 ms.
 */
function threadEntry(module: URL): string {
  return `delete Object.prototype.__proto__; require("node:module").enableCompileCache(); import("${module}")`;
}
