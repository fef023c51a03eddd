import { parentPort } from "node:worker_threads";
import { type Reply, type Request, replyFromError } from "./messages.ts";

/**
 * Answer the requests of `createThread`, inside the thread. Call it once.
 *
 * @param close Closes what the thread has opened.
 */
export function answerRequests<Work, Result>(
  run: (work: Work) => Result | Promise<Result>,
  close: () => void,
): void {
  if (parentPort === null) throw new Error("this module runs in a worker thread");
  const port = parentPort;
  port.on("message", async (request: Request<Work>) => {
    if (request.kind === "close") {
      close();
      port.close();
      return;
    }
    port.postMessage(await reply(run, request.work));
  });
}

async function reply<Work, Result>(
  run: (work: Work) => Result | Promise<Result>,
  work: Work,
): Promise<Reply<Result>> {
  try {
    return { kind: "done", result: await run(work) };
  } catch (error) {
    return replyFromError(error);
  }
}
