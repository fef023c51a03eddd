import type { AddressInfo } from "node:net";
import type { HttpVersion, ProtocolName } from "../protocols.ts";
import { createRaw } from "./raw.ts";

/** `echo.ts PROTOCOL VERSION`: bare Node. Prints where it listens, and a token, which it ignores. */

const [protocol, version] = process.argv.slice(2);
const server = createRaw(protocol as ProtocolName, version as HttpVersion);
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`ready ${(server.address() as AddressInfo).port} none\n`);
});
