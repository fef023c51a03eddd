/** Two streams claim one name, since names are folded otherwise than before. */
export type Collision = {
  /** Goes on without the name. */
  readonly stream: string;
  /** Whose name it is. */
  readonly holder: string;
};
