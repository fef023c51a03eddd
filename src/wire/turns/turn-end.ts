/** Calls a function once at the end of this turn of the event loop, however often the turn asks for it. */
export class TurnEnd {
  /** The function will be called: it was asked for, and the turn has not ended yet. */
  isDue = false;
  readonly #end: () => void;

  /** @param end May ask for the end of the next turn. */
  constructor(end: () => void) {
    this.#end = () => {
      this.isDue = false;
      end();
    };
  }

  /** Ask for it. */
  soon(): void {
    if (this.isDue) return;
    this.isDue = true;
    setImmediate(this.#end);
  }
}
