/**
 * Of a folded text in the index. A row of a B-tree has at most 2,704 bytes; beside this one it holds
 * the ids of an organization and of a stream, of up to 800 each, the name of a key, and headers.
 */
export const keyBytes = 1_000;
