/**
 * PagedTargets: targets with scripts of pages. The k-th scrape by each scraper gets the k-th page of the script,
 * however far apart the two are in time: so what they make of it can be compared page by page. Which scraper it is, its
 * User-Agent tells; when a script has ended, it is the idle page over and over, which is also at `/elsewhere`.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { HttpServers } from "../support/http-servers.js";

export type Scraper = "ours" | "theirs";

/** What a target does when it is scraped. */
export interface Page {
  /** For reports. */
  readonly name: string;
  answer(response: ServerResponse, request: IncomingMessage, scraper: Scraper): void;
  /** Whether whoever scrapes gives up: otherwise that says that the machine was too slow. */
  readonly isAbandoned?: boolean;
  /** A reply that only the slower one of our two HTTP clients reads: a target that gives one is asked again, once. */
  readonly isUnusual?: boolean;
}

/** Of one scraper at one target. */
interface Visits {
  /** For each scrape, which page of the script it got; -1 is the idle page. */
  readonly pages: number[];
  /** For each of them, when it came: milliseconds of the machine's clock. */
  readonly times: number[];
  /** Scrapes whose page was not taken as it was to be. */
  readonly spoilt: Set<number>;
  wasUnusual: boolean;
  /** What was asked first: the URL and each header, but for what tells the one from the other. */
  asked: ReadonlyMap<string, string>;
}

const ownHeaders: ReadonlySet<string> = new Set(["user-agent", "connection"]);

interface ScriptedTarget {
  script: readonly Page[];
  next: Record<Scraper, number>;
  readonly visits: Record<Scraper, Visits>;
}

export class PagedTargets {
  readonly #idle: Page;
  readonly #servers = new HttpServers();
  readonly #targets: ScriptedTarget[];
  #address = "";

  constructor(count: number, idle: Page) {
    this.#idle = idle;
    this.#targets = Array.from({ length: count }, () => ({
      script: [],
      next: { ours: 0, theirs: 0 },
      visits: { ours: noVisits(), theirs: noVisits() },
    }));
  }

  /** `host:port`; the path of target i is `/i`. */
  get address(): string {
    return this.#address;
  }

  async listen(): Promise<void> {
    const url = await this.#servers.plain((request, response) => this.#answer(request, response));
    this.#address = url.replace("http://", "");
  }

  close(): void {
    this.#servers.close();
  }

  play(target: number, script: readonly Page[]): void {
    const scripted = this.#targets[target]!;
    scripted.script = script;
    scripted.next = { ours: 0, theirs: 0 };
  }

  /** Whether both scrapers have had the whole script and then the idle page, at least `idle` times. */
  isPlayed(target: number, idle: number): boolean {
    const { script, visits, next } = this.#targets[target]!;
    return (["ours", "theirs"] as const).every(
      (scraper) =>
        next[scraper] === script.length &&
        visits[scraper].pages.length >= idle &&
        visits[scraper].pages.slice(-idle).every((page) => page < 0),
    );
  }

  /** For each scrape of the target since the beginning, which page of the script of its time it got. */
  visits(target: number, scraper: Scraper): Readonly<Visits> {
    return this.#targets[target]!.visits[scraper];
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const agent = request.headers["user-agent"] ?? "";
    const scraper: Scraper = agent.startsWith("Narthex/") ? "ours" : "theirs";
    if (request.url === "/elsewhere") {
      this.#idle.answer(response, request, scraper);
      return;
    }
    if (request.url === "/around") {
      response.writeHead(302, { location: "/around" }).end();
      return;
    }
    const target = this.#targets[Number(request.url!.slice(1).replace(/\?.*/s, ""))];
    if (target === undefined) {
      response.shouldKeepAlive = false;
      response.writeHead(404).end();
      return;
    }
    const visits = target.visits[scraper];
    const index = target.next[scraper];
    const page = target.script[index] ?? this.#idle;
    if (scraper === "ours" && page.isUnusual && !visits.wasUnusual) {
      visits.wasUnusual = true;
      page.answer(response, request, scraper);
      return;
    }
    if (visits.pages.length === 0) visits.asked = askedBy(request);
    const isIdle = page === this.#idle;
    visits.pages.push(isIdle ? -1 : index);
    visits.times.push(Date.now());
    if (!isIdle) target.next[scraper]++;
    const scrape = visits.pages.length - 1;
    const isExpected = page.isAbandoned ?? false;
    response.once("close", () => {
      if (!response.writableFinished && !isExpected) visits.spoilt.add(scrape);
    });
    page.answer(response, request, scraper);
  }
}

function askedBy({ url, headers }: IncomingMessage): Map<string, string> {
  const kept = Object.entries(headers).filter(([name]) => !ownHeaders.has(name));
  return new Map([["URL", url!], ...kept.map(([name, value]) => [name, String(value)] as const)]);
}

function noVisits(): Visits {
  return { pages: [], times: [], spoilt: new Set(), wasUnusual: false, asked: new Map() };
}
