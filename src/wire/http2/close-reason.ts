/** Why the server ends a connection. The first three are no fault of the client. It is a label of a metric. */
export type CloseReason =
  /** The server stops. */
  | "shutdown"
  | "max_age"
  /** No stream was opened for a long time. */
  | "idle"
  // What a client did too often for nothing: see `Meters`.
  | "too_many_resets"
  | "too_many_pings"
  | "too_many_settings"
  | "too_many_window_updates"
  | "too_many_empty_frames"
  /** Frames that do nothing. */
  | "too_many_frames"
  // What it did too slowly, or did not do.
  | "slow_opening"
  | "slow_field_block"
  | "unread_answers"
  /** It sends more than is handled: see `maxUnhandledBytes`. */
  | "too_much_waiting"
  // What RFC 9113 does not allow.
  | "no_preface"
  | "no_settings"
  | "bad_frame"
  | "bad_padding"
  | "bad_settings"
  | "bad_field_block"
  /** HPACK (RFC 7541). */
  | "bad_compression"
  | "idle_stream"
  | "data_on_closed_stream"
  | "headers_on_closed_stream"
  | "data_after_end"
  | "headers_after_end"
  | "connection_window"
  | "stream_window"
  | "window_update_of_0"
  | "unasked_acknowledgement"
  | "depends_on_itself";

/** A connection that the server ends. */
export type ClosedConnection = {
  readonly reason: CloseReason;
  /** The client did nothing wrong: it was told to open a new connection, and lost no call. */
  readonly isPlanned: boolean;
  /** How many streams it had opened. */
  readonly streams: number;
  readonly ageMs: number;
};
