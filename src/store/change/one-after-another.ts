/**
 * Run pieces of work one after another, in the order of the calls. Those that wait when one fails are not begun, and
 * reject as it does.
 */
export function createSequence(): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work);
    last = result;
    result.catch(() => {
      if (last === result) last = Promise.resolve();
    });
    return result;
  };
}

/**
 * Run pieces of work that have nothing to do with each other one after another, in the order of the calls. Those that
 * wait when one fails go on.
 */
export function createQueue(): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work);
    last = result.catch(() => {});
    return result;
  };
}
