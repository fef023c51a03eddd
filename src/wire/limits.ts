/**
 * What a client may use. The flags of `serve` set the fields of `Limits`. Every other limit is a constant in
 * this file, with the reason for its value.
 */
export type Limits = {
  /** Bytes of one message, as sent and after decompression. */
  readonly maxMessageBytes: number;
  /** Deadline of a call whose client sets none, in milliseconds. */
  readonly defaultDeadlineMs: number;
  /** Longer deadlines are shortened to this, in milliseconds; the client is not refused. */
  readonly maxDeadlineMs: number;
};

/** So many pieces of a body or a message may be as small as their client likes. */
const maxSmallPieces = 1024;

/** What the pieces beyond `maxSmallPieces` must hold on average. A packet holds at least 536 bytes. */
const minPieceBytes = 256;

/**
 * Whether a body or a message arrives in so many small pieces that it is an attack: 64 KiB arrive in 4 to 50
 * pieces. Each costs some 5 µs, however small it is.
 */
export function isCrumbled(pieces: number, bytes: number): boolean {
  return pieces > maxSmallPieces && bytes < pieces * minPieceBytes;
}

/** Bytes of input that an error repeats: enough to recognise it. */
export const maxEchoBytes = 300;

/** Bytes of the message of an error. `grpc-message` may need three for each of them. */
export const maxErrorMessageBytes = 1_024;

/**
 * Bytes of `grpc-message` and `grpc-status-details-bin` together. Clients of gRPC take 8 KiB of
 * headers, and end the call with an error of their own above that.
 */
export const maxStatusBytes = 7_168;

/** Time for a request body to arrive, in milliseconds: 64 KiB at 13 KiB/s. */
export const bodyTimeoutMs = 5_000;

/** Codings that a client may name. Further ones are ignored. */
export const maxCodings = 16;

/** Answers smaller than this are not compressed: the saving would not fill a packet. */
export const compressMinBytes = 1024;

/** Time for the first bytes of a new connection, and for a TLS handshake, in milliseconds. */
export const openingTimeoutMs = 5_000;

/**
 * Bytes of a body that nobody reads, which are dropped after an early answer. Up to here a connection of
 * HTTP/1.1 goes on, so that a client that is refused need not connect again; more is as expensive as
 * a new connection. A stream of HTTP/2 is reset beyond.
 */
export const maxDroppedBytes = 65_536;

/** What a piece counts for, at least, when the rest of a body is dropped, because small pieces cost as much. */
export const minDroppedBytes = 1_024;

/** Time to read and drop the rest of a refused body, so that the refusal arrives. In milliseconds. */
export const lingerMs = 1_000;

/** Time for streams to tell their clients why they end, before they are cut off. In milliseconds. */
export const farewellMs = 50;

/** Calls in flight: two seconds of work. Most clients of further calls would give up before their answer. */
export const maxCallsInFlight = 10_000;

/** How often to look whether the event loop is late, in milliseconds. */
export const lagIntervalMs = 100;
/** The event loop is late when it is more than this behind, in milliseconds. */
export const maxLagMs = 500;

/** When a client that was refused because of overload or shutdown should try again, in milliseconds. */
export const retryMs = 1_000;

/**
 * What all clients may hold at once, and one client of that: an IPv4 address or the /64 of an IPv6
 * address. A client keeps what it has until another client with less needs the room.
 *
 * The connections of a trusted proxy are not counted, because the proxy limits its own, and because closing
 * one would cut off everybody behind it. Requests over them count for the address that the proxy forwards.
 */
export const clientLimits: ClientLimits = {
  /** Each costs a file descriptor and up to 100 KB when idle with TLS. */
  maxConnections: 4096,
  /** A quarter, because many people may share one address. */
  maxConnectionsEach: 1024,
  /** Streams that are open, such as a Watch of health, each some 40 KB. */
  maxStreams: 1024,
  /** A large deployment behind one address may have as many channels, with one stream on each. */
  maxStreamsEach: 128,
  /** The max age of a connection, so that a stream cannot keep a connection for ever. In milliseconds. */
  maxStreamAgeMs: 600_000,
  /** HTTP/2 requests that are open, each some 15 KB; HTTP/1.1 has one on a connection. */
  maxRequests: 2048,
  /** As many as are answered in a tenth of a second. Further ones may be sent again. */
  maxRequestsEach: 1024,
  /** Bytes of answers that are not sent yet, because clients that do not read must not fill the heap. */
  maxUnsentBytes: 33_554_432,
  /** Four thousand small answers, or one of any size. */
  maxUnsentBytesEach: 16_777_216,
  /** An answer of which its client takes nothing for so long is broken off, in milliseconds. */
  unsentTimeoutMs: 30_000,
  /** Bytes that were read from HTTP/1.1 connections and wait, because requests before them wait. */
  maxUnfedBytes: 16_777_216,
  /** Some 64 connections that wait. Each holds the 64 KiB that were read last; no more is read from it. */
  maxUnfedBytesEach: 4_194_304,
  /** HTTP/1.1 requests that wait for the one before, each some 5 KB. */
  maxWaitingRequests: 4096,
  /** `maxPipelined` on each of 128 connections. */
  maxWaitingRequestsEach: 1024,
};

/** Which limits there are: see `clientLimits`. `Each` is for one client, the others are for all. */
export type ClientLimits = Readonly<
  Record<
    | "maxConnections"
    | "maxConnectionsEach"
    | "maxStreams"
    | "maxStreamsEach"
    | "maxStreamAgeMs"
    | "maxRequests"
    | "maxRequestsEach"
    | "maxUnsentBytes"
    | "maxUnsentBytesEach"
    | "unsentTimeoutMs"
    | "maxUnfedBytes"
    | "maxUnfedBytesEach"
    | "maxWaitingRequests"
    | "maxWaitingRequestsEach",
    number
  >
>;

/** How often to look for old streams and answers that do not move, in milliseconds. */
export const clientLookMs = 1_000;

/** HTTP/1.1 requests that wait on one connection before no more is read from it. */
export const maxPipelined = 8;

/**
 * An answer is written in pieces of so many bytes, because only the end of a piece shows that the client
 * reads. A client that reads 2 KB a second gets its answer.
 */
export const pieceBytes = 65_536;

/** `http.createServer`. Times in milliseconds. */
export const http1Limits = {
  /** Slow headers: the default of a minute holds a socket for nothing. */
  headersTimeout: 10_000,
  /** Head and body. */
  requestTimeout: 15_000,
  /** How often the two above are checked, so how late they may take effect. */
  connectionsCheckingInterval: 1_000,
  /** Longer than the idle time of common load balancers: they must be the ones to close a connection. */
  keepAliveTimeout: 65_000,
  /** Bytes of request line and headers; more is answered 431. */
  maxHeaderSize: 16_384,
  requireHostHeader: true,
  /** A second Authorization is joined to the first, so that the request can be refused. */
  joinDuplicateHeaders: true,
} as const;

/** Headers of one HTTP/1.1 request; browsers send about 20. Node drops further ones, we refuse the request. */
export const maxHeaders = 100;

/** Requests on one HTTP/1.1 connection: bounds pipelining, costs a reconnect per 10,000 calls. */
export const maxRequestsPerSocket = 10_000;

/** `http2.createServer`. */
export const http2Limits = {
  settings: {
    /** As most servers; without it 20,000 streams on one connection cost 600 MB. */
    maxConcurrentStreams: 100,
    /** Enforced only when set explicitly. Bytes, decompressed. */
    maxHeaderListSize: 16_384,
  },
  maxHeaderListPairs: 64,
  /** Megabytes for one connection. */
  maxSessionMemory: 10,
  maxSessionInvalidFrames: 100,
  maxSessionRejectedStreams: 20,
  /** Rapid reset (CVE-2023-44487): this many at once, then so many a second, then GOAWAY. */
  streamResetBurst: 200,
  streamResetRate: 20,
} as const;

/** An HTTP/2 connection is closed when no stream was opened between two looks, in milliseconds. */
export const http2LookMs = 60_000;

/**
 * Max age of an HTTP/2 connection, in milliseconds. A random tenth more or less, so that the clients of a new
 * server do not all reconnect at once.
 */
export const http2MaxAgeMs = 600_000;
