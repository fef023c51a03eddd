import type { Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { createShares } from "../bounds/shares.ts";
import type { StuckSockets } from "../bounds/stuck-sockets.ts";
import { Http1Exchange } from "../http1/exchange.ts";
import { Feed, type FeedSite } from "../http1/feed.ts";
import { Http1Request } from "../http1/request.ts";
import { type ClientLimits, http1Limits, maxHeaders, maxRequestsPerSocket } from "../limits.ts";
import { createInputTurns } from "../turns/input-turns.ts";
import { createPipelinedTurns } from "../turns/pipelined-turns.ts";
import { TurnEnd } from "../turns/turn-end.ts";
import type { Answer, Exchange, ExchangeSite } from "./exchange.ts";
import { ignoreErrors } from "./ignore-errors.ts";

/**
 * Not by `import`: that reads every export of the module, and three of them load Node's HTTP client, which
 * takes a tenth of the start and 4 MB.
 */
const { createServer } = process.getBuiltinModule("node:http");

/** Takes connections that speak HTTP/1.1. */
export type Http1Server = {
  /** The one that listens. What it does with its own connections is up to its `connection` listeners. */
  readonly server: Server;
  /** @param socket Paused, with its first bytes put back. */
  adopt(socket: Socket): void;
};

/** RFC 6585 section 5. */
const tooManyHeaders: Answer = { status: 431, headers: {} };

type Connection = {
  readonly feed: Feed;
  /** So far. */
  requests: number;
  /** The one whose turn it is. */
  exchange?: Http1Exchange | undefined;
  /** To it. */
  response?: ServerResponse | undefined;
};

/**
 * HTTP/1.1 from Node's own server, which is fed one request at a time: see `Feed`.
 *
 * @param dispatch Called with each request when those before it on the connection are answered.
 */
export function createHttp1Server(
  limits: ClientLimits,
  site: ExchangeSite,
  stuck: StuckSockets,
  dispatch: (exchange: Exchange) => void,
): Http1Server {
  const { groupOf } = site;
  const feedSite: FeedSite = {
    groupOf,
    unfed: createShares(limits.maxUnfedBytes, limits.maxUnfedBytesEach),
    inputTurns: createInputTurns(site.isTaking),
  };
  const connections = new Map<Socket, Connection>();
  const goOn = (socket: Socket) => connections.get(socket)?.feed.goOn();
  const takeTurn = createPipelinedTurns(limits, goOn, site.isTaking);

  const serve = (request: Http1Request, response: ServerResponse) => {
    ignoreErrors(response);
    const { socket } = request;
    const connection = connections.get(socket);
    if (connection === undefined) return;
    connection.requests += 1;
    const hasTooManyHeaders = request.rawHeaders.length > 2 * maxHeaders;
    const isLastHere = hasTooManyHeaders || connection.requests >= maxRequestsPerSocket;
    const exchange = new Http1Exchange(request, response, site, isLastHere);
    const begin = (done: () => void) => {
      if (socket.destroyed) return;
      connection.exchange = exchange;
      connection.response = response;
      exchange.whenDone(() => {
        connection.exchange = undefined;
        connection.response = undefined;
        // RFC 9112 section 9.6: what comes behind the last request must not be served.
        if (exchange.isClosing) return;
        done();
        if (site.isDraining()) closeIdleSoon();
      });
      if (hasTooManyHeaders) exchange.respond(tooManyHeaders, []);
      else dispatch(exchange);
    };
    const isFull = takeTurn(socket, begin, groupOf(exchange.head.peer));
    connection.feed.began(request, isFull, isLastHere);
  };
  const server = createServer({ ...http1Limits, IncomingMessage: Http1Request }, serve);
  // Without these listeners Node answers `Expect` by itself, before the request has been looked at.
  server.on("checkContinue", serve).on("checkExpectation", serve);
  // One more than is taken, which shows that there are too many: Node 24.14 drops those beyond. Node 24.21 refuses the request.
  server.maxHeadersCount = maxHeaders + 1;
  server.maxRequestsPerSocket = maxRequestsPerSocket;
  const [parseRequests] = server.listeners("connection") as [(socket: Socket) => void];
  server.removeListener("connection", parseRequests);
  const closeIdleSoon = keepUnsent(server, connections);

  return {
    server,
    adopt(socket) {
      stuck.watch(socket);
      parseRequests.call(server, socket);
      const connection: Connection = { feed: new Feed(socket, feedSite), requests: 0 };
      delayEnd(socket, connection.feed);
      connections.set(socket, connection);
      socket.once("close", () => {
        connections.delete(socket);
        connection.exchange?.hangUp();
      });
      socket.resume();
    },
  };
}

/**
 * Node closes idle connections when the server stops to listen. It takes a connection for idle as soon as an answer was
 * handed over, and would cut off what is not sent yet.
 *
 * @returns Closes those soon that have become idle since, which Node does not.
 */
function keepUnsent(server: Server, connections: ReadonlyMap<Socket, Connection>): () => void {
  const closeIdle = server.closeIdleConnections.bind(server);
  server.closeIdleConnections = () => {
    const unsent = [...connections.values()].flatMap(({ response }) =>
      response?.finished ? response : [],
    );
    for (const response of unsent) response.finished = false;
    closeIdle();
    for (const response of unsent) response.finished = true;
  };
  const turnEnd = new TurnEnd(() => server.closeIdleConnections());
  return () => turnEnd.soon();
}

/**
 * For Node a client that closes its half has gone, and it may have done so while its connection waited. So Node is told of the
 * end when the body that has come is fed, and the requests before it have begun. Those that need not wait for anything are
 * answered.
 *
 * @param socket Just handed to Node's server, whose listener is the last.
 */
function delayEnd(socket: Socket, feed: Feed): void {
  const tellNode = socket.listeners("end").at(-1) as () => void;
  const endSoon = () => {
    if (!socket.destroyed) tellNode.call(socket);
  };
  socket.off("end", tellNode).on("end", () => feed.end(() => setImmediate(endSoon)));
}
