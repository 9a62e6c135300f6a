/**
 * TLS of the server: what Node is told, and what it leaves to be done: certificates that may, or need not, be verified.
 */

import { Server, type TLSSocket, type TlsOptions } from "node:tls";
import type { TlsConfig } from "../config/web-config.js";

const handshakeTimeoutMs = 10_000;

export function httpsOptions({ context, clientAuth }: TlsConfig): TlsOptions {
  return {
    ...context,
    requestCert: clientAuth !== "NoClientCert",
    rejectUnauthorized: clientAuth === "RequireAndVerifyClientCert",
    handshakeTimeout: handshakeTimeoutMs,
  };
}

/** Ends connections whose certificate is not what `clientAuth` demands. */
export function demandCertificates(server: unknown, { clientAuth }: TlsConfig): void {
  if (!(server instanceof Server)) return;
  server.prependListener("secureConnection", (socket: TLSSocket) => {
    const isGiven = Object.keys(socket.getPeerCertificate()).length > 0;
    const isRefused =
      (clientAuth === "RequireAnyClientCert" && !isGiven) ||
      (clientAuth === "VerifyClientCertIfGiven" && isGiven && !socket.authorized);
    if (isRefused) socket.destroy();
  });
}

/** For connections from now on. */
export function exchangeCertificates(server: unknown, { context }: TlsConfig): void {
  if (server instanceof Server) server.setSecureContext(context);
}
