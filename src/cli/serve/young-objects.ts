import { setFlagsFromString } from "node:v8";

/**
 * Let V8 collect young objects in the thread that has made them. Otherwise four helper threads share each collection,
 * many times a second. A server has few young objects that are still in use, so the helpers find little to do, and
 * all of them wait for each other: on two cores that took a fifth of the CPU time of a call.
 *
 * V8 looks at this flag anew at each collection, so it may be set after the start.
 */
export function collectYoungObjectsAlone(): void {
  setFlagsFromString("--no-parallel-scavenge");
}
