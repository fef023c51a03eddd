import { Buffer } from "node:buffer";
import { connect, type NetConnectOpts } from "node:net";

/** Names a session of a server, and proves that it is ours. */
export type BackendKey = { readonly processID: number; readonly secretKey: number };

const cancelRequestCode = 80_877_102;
/** A server that does not take the request by then goes on with the statement. */
const timeoutMs = 3_000;

/**
 * Ask a server to cancel the statement that a session runs. The request travels on a connection of its own, and
 * without TLS, as that of libpq does: it holds nothing but the key.
 *
 * @param address Of the server that the session is on.
 * @returns Resolves when the server has looked at the request, or does not answer. It answers nothing: the
 *   statement fails, or has ended already.
 */
export function requestCancel(address: NetConnectOpts, key: BackendKey): Promise<void> {
  const request = Buffer.alloc(16);
  request.writeInt32BE(request.byteLength, 0);
  request.writeInt32BE(cancelRequestCode, 4);
  request.writeInt32BE(key.processID, 8);
  request.writeInt32BE(key.secretKey, 12);
  return new Promise((resolve) => {
    const socket = connect(address, () => socket.write(request));
    socket.setTimeout(timeoutMs, () => socket.destroy());
    socket.on("error", () => {}).on("close", () => resolve());
    // The server closes the connection when it has sent the signal. Without reading, that is not seen.
    socket.resume();
  });
}
