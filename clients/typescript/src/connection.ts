/** How the service is reached. */
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";

import type { Interceptor, Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";

/** What the service may answer at most in one message. */
const RECEIVE_LIMIT_BYTES = 4 * 1024 * 1024;
/** The service closes connections that are pinged more often than every 10 s. */
const KEEPALIVE = { pingIntervalMs: 60_000, pingTimeoutMs: 5_000 };

/** PEM texts: whom to trust (left out: Node's own list), and for mutual TLS the caller's certificate and key. */
export interface Tls {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
}

export interface ClientOptions {
  /** Encrypts; needed for any other machine. `true`: trust whom Node trusts. */
  readonly tls?: Tls | true;
  /** Allows panels in the clear to another machine, where something else encrypts the way. */
  readonly plaintext?: boolean;
  /** Gives the token that goes with each call, such as `tokenFile("token")`. Over TLS, or to this machine. */
  readonly token?: () => string | Promise<string>;
  /** Milliseconds allowed for a call, connecting and retries included. Left out: 1,000. */
  readonly timeoutMs?: number;
  /** Milliseconds allowed for a batch. Left out: 10,000. */
  readonly batchTimeoutMs?: number;
  /** False: makes every call, also while the service refuses most. Left out: true. */
  readonly throttled?: boolean;
}

/** A transport, and what ends its connection. */
export interface Connection {
  readonly transport: Transport;
  close(): void;
}

/** Raises a TypeError when panels or a token would travel in the clear to another machine. */
export function connection(target: string, { tls, plaintext = false, token }: ClientOptions): Connection {
  if (tls && plaintext) throw new TypeError("tls and plaintext contradict each other: give one of them");
  if (!tls && !isLoopback(target)) {
    if (!plaintext) {
      throw new TypeError(
        `the target ${target} is not on this machine, and panels must not travel unencrypted: give tls, or plaintext ` +
          "where something else encrypts the way, such as a service mesh",
      );
    }
    if (token) {
      throw new TypeError(
        `the target ${target} is not on this machine, and a token must not travel unencrypted: whoever reads it can ` +
          "use it; give tls",
      );
    }
  }
  const baseUrl = `${tls ? "https" : "http"}://${target}`;
  const session = new Http2SessionManager(baseUrl, KEEPALIVE, typeof tls === "object" ? { ...tls } : {});
  const transport = createGrpcTransport({
    baseUrl,
    sessionManager: session,
    readMaxBytes: RECEIVE_LIMIT_BYTES,
    interceptors: token ? [bearer(token)] : [],
  });
  return { transport, close: () => session.abort() };
}

/** What gives the token that a file holds at each call, so that one that is renewed there is taken. */
export function tokenFile(file: string): () => Promise<string> {
  return async () => {
    const text = (await readFile(file, "utf8")).trim();
    // Its content is a secret, and is not repeated.
    if (!/^[!-~]+$/.test(text)) throw new TypeError(`${file} does not hold one token and nothing else`);
    return text;
  };
}

/** Whether a "host:port" is on this machine. */
export function isLoopback(target: string): boolean {
  const host = /^\[(.*)\](:\d+)?$/.exec(target)?.[1] ?? target.split(":")[0] ?? "";
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

function bearer(token: () => string | Promise<string>): Interceptor {
  return (next) => async (request) => {
    request.header.set("authorization", `Bearer ${await token()}`);
    return next(request);
  };
}
