/**
 * What a client may use. The flags of `serve` set the fields of `Limits`. Every other limit is a constant in
 * this file, with the reason for its value: therefore it is over 250 lines.
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

/** A body above this, or one that is compressed, may take milliseconds to read: such calls take turns. */
export const heavyBodyBytes = 16_384;

/** Time for a request body to arrive, in milliseconds: 64 KiB at 13 KiB/s. */
export const bodyTimeoutMs = 5_000;

/** Codings that a client may name. Further ones are ignored. */
export const maxCodings = 16;

/** Answers smaller than this are not compressed: the saving would not fill a packet. */
export const compressMinBytes = 1024;

/**
 * New connections that the system keeps until they are taken, unless its own limit is lower (`net.core.somaxconn` on Linux).
 * Beyond, it drops them, and clients try again after one second, then after two more.
 */
export const backlog = 4_096;

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
  /** Each costs a file descriptor and some 60 KB when idle with TLS. */
  maxConnections: 4096,
  /** A quarter, because many people may share one address. */
  maxConnectionsEach: 1024,
  /** TLS handshakes under way, each some 85 KB outside of the heap. Further ones wait: about a thousand are made in a second. */
  maxHandshakes: 512,
  /** A quarter, as of the connections. */
  maxHandshakesEach: 128,
  /** Streams that are open, such as a Watch of health, each some 40 KB. */
  maxStreams: 1024,
  /** A large deployment behind one address may have as many channels, with one stream on each. */
  maxStreamsEach: 128,
  /** The max age of a connection, so that a stream cannot keep a connection for ever. In milliseconds. */
  maxStreamAgeMs: 600_000,
  /** HTTP/2 requests that are open, each some 10 KB; HTTP/1.1 has one on a connection. */
  maxRequests: 2048,
  /** As many as are answered in a tenth of a second. Further ones may be sent again. */
  maxRequestsEach: 1024,
  /** Bytes of HTTP/2 bodies that have not arrived whole, counted in steps of 64 KiB once a body has 4. */
  maxBodyBytes: 67_108_864,
  /** Some 256 of them. */
  maxBodyBytesEach: 16_777_216,
  /** Bytes of answers that are not sent yet, because clients that do not read must not fill the heap. */
  maxUnsentBytes: 33_554_432,
  /** Four thousand small answers, or one of any size. */
  maxUnsentBytesEach: 16_777_216,
  /** An answer of which its client takes nothing for so long is broken off, in milliseconds. */
  unsentTimeoutMs: 30_000,
  /** Bytes that were read from new connections, from those of HTTP/2 and under TLS, and wait because there is much before them. */
  maxUnhandledBytes: 33_554_432,
  /** Some 80 connections that send more than is handled. Few clients have more than 16 KiB waiting on each. */
  maxUnhandledBytesEach: 16_777_216,
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
    | "maxHandshakes"
    | "maxHandshakesEach"
    | "maxStreams"
    | "maxStreamsEach"
    | "maxStreamAgeMs"
    | "maxRequests"
    | "maxRequestsEach"
    | "maxBodyBytes"
    | "maxBodyBytesEach"
    | "maxUnsentBytes"
    | "maxUnsentBytesEach"
    | "unsentTimeoutMs"
    | "maxUnhandledBytes"
    | "maxUnhandledBytesEach"
    | "maxUnfedBytes"
    | "maxUnfedBytesEach"
    | "maxWaitingRequests"
    | "maxWaitingRequestsEach",
    number
  >
>;

/** How often to look for old streams and answers that do not move, in milliseconds. */
export const clientLookMs = 1_000;

/** Bytes of an HTTP/1.1 body that nobody has asked for yet, before no more is read from its connection. */
export const maxHeldBytes = 65_536;

/** The same in pieces, which may be as small as a byte. Each costs a hundred bytes beside its own. */
export const maxHeldPieces = 64;

/** HTTP/1.1 requests that wait on one connection before no more is read from it. */
export const maxPipelined = 8;

/**
 * An answer is written in pieces of so many bytes, because only the end of a piece shows that the client
 * reads. A client that reads 2 KB a second gets its answer.
 */
export const pieceBytes = 65_536;

/** A body up to this is sent over HTTP/1.1 in one text with its head. Node writes up to 16 KiB of text without copies. */
export const maxTextBytes = 8_192;

/** An answer that waits has moved when so many bytes of it were sent. One byte now and then does not count. */
export const minProgressBytes = 1_024;

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
  /** We check it: Node would answer by itself, however many of its answers wait. */
  requireHostHeader: false,
  /** A second Authorization is joined to the first, so that the request can be refused. */
  joinDuplicateHeaders: true,
} as const;

/** Headers of one HTTP/1.1 request; browsers send about 20. A request with more is refused. */
export const maxHeaders = 100;

/** Requests on one HTTP/1.1 connection: bounds pipelining, costs a reconnect per 10,000 calls. */
export const maxRequestsPerSocket = 10_000;

/** An HTTP/2 connection. None of these limits stops a client that means well; most end the connection. */
export const http2Limits = {
  /** As most servers; without it 20,000 streams on one connection cost 600 MB. */
  maxStreams: 100,
  /** Bytes of the fields of one request, decompressed, with 32 for each field; more is answered 431. */
  maxListBytes: 16_384,
  /** Fields of one request; browsers send about 20. More is answered 431. */
  maxFields: 100,
  /** Bytes of a field block as sent, and CONTINUATION frames that it is cut into. */
  maxBlockBytes: 32_768,
  maxContinuations: 8,
  /**
   * Streams that end without an answer. An answered one makes up for another. A client may give up all its calls in
   * a slow moment, again and again: each of them was begun, and costs less than if it was answered.
   */
  resets: { atOnce: 2_000, perSecond: 200 },
  /**
   * What one counts for if it ended before the server could begin with it, as in a rapid reset (CVE-2023-44487), or
   * by the client's fault: so 200 at once and 20 a second.
   */
  earlyReset: 10,
  /** PING. A client of gRPC sends one for each call, so an answer fills this up again. */
  pings: { atOnce: 100, perSecond: 1 },
  settings: { atOnce: 100, perSecond: 1 },
  /** In one SETTINGS frame. */
  maxSettings: 32,
  /** PRIORITY, unknown frames, windows so small that frames become tiny. */
  oddities: { atOnce: 1_000, perSecond: 50 },
  /** WINDOW_UPDATE, for each stream and each DATA frame that was sent. Envoy allows 2 and 20; HAProxy needs 3. */
  updatesPerStream: 2,
  updatesPerData: 20,
  freeUpdates: 5,
  /** DATA frames without data that do not end a stream. */
  maxEmptyData: 100,
  /** Frames of one connection before others get their turn, and what a HEADERS frame counts for. */
  framesATurn: 256,
  framesPerRequest: 16,
  /** Shared by the connections that have more than that to be handled: 256 requests, some 10 ms. Each has one. */
  framesOfBusyATurn: 4_096,
  /** What a client may send on all streams before it needs credit. One stream has what the protocol gives it. */
  windowBytes: 1_048_576,
  /** While more bytes of heads and control frames wait for the client, nothing is read from it. */
  maxUnsentControlBytes: 65_536,
  /** A DATA frame that is smaller than this because of the client's window is one of the oddities. */
  tinyFrameBytes: 256,
  /** So much of a body, which most requests never exceed, is not counted as unfinished. */
  freeBodyBytes: 4_096,
} as const;

/** How often to look for HTTP/2 connections that have something due, in milliseconds. */
export const http2LookMs = 250;

/** An HTTP/2 connection is closed when no stream was opened for so long, in milliseconds. */
export const http2IdleMs = 90_000;

/**
 * Max age of an HTTP/2 connection, in milliseconds. A random tenth more or less, so that the clients of a new
 * server do not all reconnect at once.
 */
export const http2MaxAgeMs = 600_000;
