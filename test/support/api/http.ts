import { Agent, request as http1Request, type IncomingHttpHeaders } from "node:http";
import { type ClientHttp2Session, connect, constants } from "node:http2";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";

export type HttpVersion = "HTTP/1.1" | "h2c";

export type HttpRequest = {
  readonly method: string;
  /** Sent as it is: neither encoded nor normalised. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Closes the connection of HTTP/1.1, or resets the stream, when it is aborted. */
  readonly signal?: AbortSignal | undefined;
};

export type HttpReply = {
  readonly status: number;
  readonly headers: Headers;
  /** Of HTTP/2; `undefined` if there were none. */
  readonly trailers: Headers | undefined;
  readonly body: Buffer;
};

const agent = new Agent({ keepAlive: true });
const tlsAgent = new TlsAgent({ keepAlive: true });
const sessions = new Map<string, Promise<ClientHttp2Session>>();

/**
 * One request on a connection that is kept for the next one.
 *
 * @throws Error if the connection breaks, or the answer ends before it is whole.
 */
export function send(version: HttpVersion, url: string, request: HttpRequest): Promise<HttpReply> {
  const { body, headers } = request;
  // Node.js would not announce the body of a DELETE.
  const length = body && { "content-length": String(body.byteLength) };
  const announced = { ...request, headers: { ...headers, ...length } };
  return version === "h2c" ? sendHttp2(url, announced) : sendHttp1(url, announced);
}

/** Close every connection. */
export function closeConnections(): void {
  agent.destroy();
  tlsAgent.destroy();
  for (const opening of sessions.values())
    opening.then(
      (session) => session.destroy(),
      () => undefined,
    );
  sessions.clear();
}

function sendHttp1(url: string, request: HttpRequest): Promise<HttpReply> {
  const { method, path, headers, body, signal } = request;
  const { protocol, hostname, port } = new URL(url);
  const options = {
    ...{ hostname, port, method, path, headers: { ...headers } },
    ...(signal && { signal }),
  };
  return new Promise((resolve, reject) => {
    const call =
      protocol === "https:"
        ? tlsRequest({ agent: tlsAgent, ...options })
        : http1Request({ agent, ...options });
    call.on("error", reject).on("response", (response) => {
      const chunks: Buffer[] = [];
      response
        .on("data", (chunk: Buffer) => chunks.push(chunk))
        .on("error", reject)
        .on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: headersFrom(response.headers),
            trailers: undefined,
            body: Buffer.concat(chunks),
          }),
        );
    });
    call.end(body);
  });
}

async function sendHttp2(url: string, request: HttpRequest): Promise<HttpReply> {
  const { method, path, headers, body, signal } = request;
  const session = await sessionTo(url);
  return new Promise<HttpReply>((resolve, reject) => {
    const stream = session.request(
      { ...headers, ":method": method, ":path": path },
      { endStream: body === undefined, ...(signal && { signal }) },
    );
    const chunks: Buffer[] = [];
    let status = 0;
    let answerHeaders = new Headers();
    let trailers: Headers | undefined;
    let isWhole = false;
    stream
      .on("response", (received) => {
        status = received[":status"] ?? 0;
        answerHeaders = headersFrom(received);
      })
      .on("data", (chunk: Buffer) => chunks.push(chunk))
      .on("trailers", (received) => {
        trailers = headersFrom(received);
      })
      .on("end", () => {
        isWhole = status !== 0;
      })
      .on("error", (error) => {
        // The connection is old, or nobody used it for long, which happens on a busy machine. What Node.js had not sent by
        // then was not begun (RFC 9113, section 8.7).
        const isLeft = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM && session.closed;
        if (isLeft) resolve(sendHttp2(url, request));
        else reject(error);
      })
      .on("close", () => {
        if (!isWhole) reject(new Error(`the stream was reset with code ${stream.rstCode}`));
        resolve({ status, headers: answerHeaders, trailers, body: Buffer.concat(chunks) });
      });
    if (body !== undefined) stream.end(body);
  });
}

function sessionTo(url: string): Promise<ClientHttp2Session> {
  const known = sessions.get(url);
  if (known !== undefined) return known;
  const opening = new Promise<ClientHttp2Session>((resolve, reject) => {
    const session = connect(url);
    const forget = () => sessions.get(url) === opening && sessions.delete(url);
    session.on("close", forget).on("goaway", forget);
    // Wait until the server has said how many streams it allows, because more would be refused.
    session.on("error", reject).once("remoteSettings", () => resolve(session));
    session.once("close", () => reject(new Error("the connection was closed")));
  });
  sessions.set(url, opening);
  return opening;
}

function headersFrom(received: IncomingHttpHeaders): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(received))
    if (!name.startsWith(":")) for (const each of [value ?? []].flat()) headers.append(name, each);
  return headers;
}
