/**
 * HttpClientConfig: how targets, and whoever knows of targets, are asked over HTTP: who we are, whom we trust, which way.
 *
 * Source: Prometheus configuration, `<http_config>`.
 */

/** In OpenSSL's words. */
export type TlsVersion = "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";

/** What nobody may see: written in the configuration, or in a file that is read at each use. */
export type Secret = { readonly text: string } | { readonly file: string };

export interface HttpClientConfig {
  readonly authorization: Authorization | undefined;
  readonly tls: TlsClientConfig;
  readonly proxy: ProxyConfig | undefined;
  /** Headers of every request besides ours, each with its values. */
  readonly headers: Readonly<Record<string, readonly Secret[]>>;
  readonly followRedirects: boolean;
}

export type Authorization = BasicAuthorization | TokenAuthorization | OAuth2Config;

export interface BasicAuthorization {
  readonly kind: "basic";
  readonly username: Secret;
  readonly password: Secret;
}

export interface TokenAuthorization {
  readonly kind: "token";
  /** As `Bearer`. */
  readonly type: string;
  readonly credentials: Secret;
}

/** The flow of client credentials: RFC 6749, section 4.4. */
export interface OAuth2Config {
  readonly kind: "oauth2";
  readonly clientId: string;
  readonly clientSecret: Secret;
  readonly scopes: readonly string[];
  readonly tokenUrl: string;
  readonly endpointParams: Readonly<Record<string, string>>;
  /** How the token is asked for. */
  readonly client: HttpClientConfig;
}

export interface TlsClientConfig {
  /** Certificates are PEM. Without it Node's own roots are trusted. */
  readonly ca: Secret | undefined;
  /** Both or none. */
  readonly cert: Secret | undefined;
  readonly key: Secret | undefined;
  /** What the server's certificate must be for, when that is not the host of the URL. */
  readonly serverName: string | undefined;
  readonly insecureSkipVerify: boolean;
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion | undefined;
}

export interface ProxyConfig {
  /** For URLs of http; may have a user and a password. */
  readonly http: string | undefined;
  /** For URLs of https. */
  readonly https: string | undefined;
  /** As in `NO_PROXY`; when it is undefined everything goes through the proxy, this machine included. */
  readonly noProxy: string | undefined;
  /** Of the CONNECT request. */
  readonly connectHeaders: Readonly<Record<string, readonly Secret[]>>;
}

export const defaultHttpClientConfig: HttpClientConfig = {
  authorization: undefined,
  tls: {
    ca: undefined,
    cert: undefined,
    key: undefined,
    serverName: undefined,
    insecureSkipVerify: false,
    minVersion: "TLSv1.2",
    maxVersion: undefined,
  },
  proxy: undefined,
  headers: {},
  followRedirects: true,
};
