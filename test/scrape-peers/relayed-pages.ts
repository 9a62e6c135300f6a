/**
 * Pages of a real exporter, each fetched once and handed to both scrapers as it came: headers, compression and all.
 */

import { request } from "node:http";
import type { Page } from "./paged-targets.js";

interface FetchedPage {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** `undefined` stands for an exporter that is not there: the connection is closed. */
type Fetched = Promise<FetchedPage | undefined>;

const relayedHeaders = ["content-type", "content-encoding"];

/** A script of pages of `url`. The scraper that comes first says what is asked for. */
export function relayedScript(url: string, pages: number): Page[] {
  return Array.from({ length: pages }, (_, page): Page => {
    let fetched: Fetched | undefined;
    return {
      name: `page ${page} of ${url}`,
      isAbandoned: true,
      answer: (response, { headers }) => {
        response.shouldKeepAlive = false;
        fetched ??= fetchPage(url, headers.accept ?? "*/*");
        void fetched.then((found) => {
          if (found === undefined) response.socket?.destroy();
          else response.writeHead(200, found.headers).end(found.body);
        });
      },
    };
  });
}

function fetchPage(url: string, accept: string): Fetched {
  return new Promise((resolve) => {
    const asked = request(
      url,
      { headers: { accept, "accept-encoding": "gzip" }, agent: false },
      (response) => {
        const pieces: Buffer[] = [];
        response.on("data", (piece: Buffer) => pieces.push(piece));
        response.on("error", () => resolve(undefined));
        response.on("end", () => {
          const kept = relayedHeaders.flatMap((name) => {
            const value = response.headers[name];
            return typeof value === "string" ? [[name, value] as const] : [];
          });
          resolve({ headers: Object.fromEntries(kept), body: Buffer.concat(pieces) });
        });
      },
    );
    asked.on("error", () => resolve(undefined));
    asked.end();
  });
}
