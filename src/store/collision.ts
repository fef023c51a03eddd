/** Two streams want the same unique key, because a newer version makes keys by other rules. */
export type Collision = {
  /** The stream that goes on without the key. */
  readonly stream: string;
  /** The stream that has the key. */
  readonly holder: string;
};
