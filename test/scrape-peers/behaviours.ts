/**
 * What targets do in real life and worse: pages of a script, each of which both scrapers get.
 */

import type { ServerResponse } from "node:http";
import { deflateSync, gzipSync } from "node:zlib";
import type { Dice } from "../differential/dice.js";
import { protobufOf } from "../support/client-model-bodies.js";
import type { Page } from "./paged-targets.js";
import { contentTypes, type PageKind, PageWriter } from "./random-page.js";

/** What a behaviour may make of a page. */
interface Occasion {
  /** The number of the page in its script. */
  readonly page: number;
  /** Of a target that is well. */
  readonly lines: readonly string[];
  /** In milliseconds; the same for both scrapers. */
  readonly now: number;
  /** The next one of a series of random pages. */
  random(kind: PageKind): Buffer;
}

type Answer = (response: ServerResponse) => void;

type Behaviour = (occasion: Occasion) => Answer;

function usualLines(page: number, dice: Dice): string[] {
  return [
    "# HELP requests_total Requests, by code.",
    "# TYPE requests_total counter",
    `requests_total{code="200",zone="a"} ${page * 7}`,
    `requests_total{code="500",zone="a"} ${page}`,
    "# TYPE temperature_celsius gauge",
    `temperature_celsius{room="kitchen"} ${dice.integer(400) / 10}`,
    `temperature_celsius{room="attic"} ${dice.integer(400) / 10}`,
    `own{job="mine",instance="here"} ${page}`,
    "# TYPE latency_seconds histogram",
    `latency_seconds_bucket{le="1"} ${page}`,
    `latency_seconds_bucket{le="2.50"} ${page * 2}`,
    `latency_seconds_bucket{le="+Inf"} ${page * 3}`,
    `latency_seconds_sum ${page * 1.25}`,
    `latency_seconds_count ${page * 3}`,
  ];
}

function text(lines: readonly string[], kind: "text" | "openmetrics" = "text"): Answer {
  return (response) => response.setHeader("content-type", contentTypes[kind]).end(`${lines.join("\n")}\n`);
}

function compressed(lines: readonly string[]): Buffer {
  return gzipSync(`${lines.join("\n")}\n`);
}

function gzipped(body: Buffer, encoding = "gzip"): Answer {
  return (response) =>
    response.writeHead(200, { "content-type": "text/plain", "content-encoding": encoding }).end(body);
}

function typed(contentType: string, lines: readonly string[]): Answer {
  return (response) => response.setHeader("content-type", contentType).end(`${lines.join("\n")}\n`);
}

const someContentTypes: readonly string[] = [
  ...["TEXT/Plain", "text/plain;", "text/plain ; version=9", 'text/plain; charset="utf-8"'],
  ...["text/plain;charset=latin1", "text/plain; version=0.0.4; escaping=values"],
  ...["text/html", "text", "text/plain, text/html", "application/xml", "application/openmetrics-text"],
  ...["Application/OpenMetrics-Text; version=7", "application/vnd.google.protobuf"],
];

/** In turns. */
function contentTypeOf(page: number): string {
  return someContentTypes[page % someContentTypes.length]!;
}

function status(code: number): Answer {
  return (response) => response.writeHead(code, { "content-type": "text/plain" }).end("requests_total 1\n");
}

/** The usual lines with others behind them. */
function withLines(more: (occasion: Occasion) => readonly string[]): Behaviour {
  return (occasion) => text([...occasion.lines, ...more(occasion)]);
}

function random(kind: PageKind): Behaviour {
  return (occasion) => {
    const page = occasion.random(kind);
    return (response) => response.setHeader("content-type", contentTypes[kind]).end(page);
  };
}

const behaviours: Readonly<Record<string, Behaviour>> = {
  well: (occasion) => text(occasion.lines),
  "well, compressed": ({ lines }) => gzipped(compressed(lines)),
  "well, in small pieces": (occasion) => (response) => {
    response.setHeader("content-type", "text/plain");
    for (const line of occasion.lines) response.write(`${line}\n`);
    response.end();
  },
  "a random page": random("text"),
  "another random page": random("text"),
  "a random page of OpenMetrics": random("openmetrics"),
  "a random page of protobuf": random("protobuf"),
  "status 500": () => status(500),
  "status 404": () => status(404),
  "status 206": () => status(206),
  "hints before the page":
    ({ lines }) =>
    (response) => {
      response.writeEarlyHints({ link: "</style.css>; rel=preload" });
      text(lines)(response);
    },
  "nothing but comments": () => text(["# HELP a Nothing.", "# TYPE a counter", "# and that is all"]),
  "nothing but a line feed": () => text([""]),
  "a page that begins with a mark of its byte order": ({ lines }) => text(["\ufeffa 1", ...lines]),
  "a long line": ({ lines }) => text([...lines, `# ${"x".repeat(100_000)}`]),
  "another type of content": ({ page, lines }) => typed(contentTypeOf(page), lines),
  "status 204": () => (response) => response.writeHead(204).end(),
  hangs: () => () => {},
  "hangs in mid-page": (occasion) => (response) => {
    response.setHeader("content-type", "text/plain").write(`${occasion.lines.join("\n")}\n`);
  },
  "closes the connection": () => (response) => response.socket?.destroy(),
  "closes the connection in mid-page": (occasion) => (response) => {
    response.writeHead(200, { "content-type": "text/plain", "content-length": 100_000 });
    response.write(`${occasion.lines.join("\n")}\n`, () => response.socket?.destroy());
  },
  "garbage at the end": withLines(() => ["<html>502 Bad Gateway</html>"]),
  "nothing but garbage": () => text(["<html>502 Bad Gateway</html>"]),
  "compressed in two members": (occasion) => {
    const [first, ...others] = occasion.lines.map((line) => `${line}\n`);
    return gzipped(Buffer.concat([gzipSync(first!), gzipSync(others.join(""))]));
  },
  "compressed, with garbage behind": ({ lines }) =>
    gzipped(Buffer.concat([compressed(lines), Buffer.from("garbage")])),
  "compressed, with another checksum": ({ lines }) => {
    const body = compressed(lines);
    body[body.length - 5]! ^= 1;
    return gzipped(body);
  },
  "not compressed, though it says so": ({ lines }) => gzipped(Buffer.from(`${lines.join("\n")}\n`)),
  "compressed in a way that nobody asked for": ({ lines }) =>
    gzipped(deflateSync(`${lines.join("\n")}\n`), "deflate"),
  "compressed, in capitals": ({ lines }) => gzipped(compressed(lines), "GZIP"),
  "cut compression": ({ lines }) => gzipped(compressed(lines).subarray(0, -12)),
  "an empty page": () => (response) => response.setHeader("content-type", "text/plain").end(),
  "no last line feed": (occasion) => (response) =>
    response.setHeader("content-type", "text/plain").end(occasion.lines.join("\n")),
  "half of the series": (occasion) =>
    text(occasion.lines.filter((line, i) => i % 2 === 0 || line.startsWith("#"))),
  "other labels": (occasion) =>
    text(occasion.lines.map((line) => line.replace('zone="a"', `zone="${occasion.page % 3}"`))),
  "times that go on": withLines(({ now, page }) => [`timed{way="on"} ${page} ${now + page * 1000}`]),
  "a time that stays": withLines(({ now }) => [`timed{way="stays"} 1 ${now}`]),
  "a time that has another value": withLines(({ now, page }) => [`timed{way="same"} ${page} ${now}`]),
  "times that go back": withLines(({ now, page }) => [`timed{way="back"} ${page} ${now - page * 1000}`]),
  "a time in the far future": withLines(({ now }) => [`timed{way="future"} 1 ${now + 86_400_000}`]),
  "a time on a series that had none": (occasion) =>
    text(
      occasion.lines.map((line) =>
        line.startsWith("temperature_celsius{") ? `${line} ${occasion.now + occasion.page * 1000}` : line,
      ),
    ),
  "a series twice": withLines(({ page }) => [`twice 1 `, `twice 1`, `twice{a="${page}"} 1`]),
  "a series twice, with other values": withLines(() => [
    "twice 1",
    "twice 2",
    'twice{ a="b"} 3',
    'twice{a="b"} 4',
  ]),
  "numbers that are none": withLines(() => [
    'odd{n="1"} NaN',
    'odd{n="2"} +Inf',
    'odd{n="3"} -Inf',
    'odd{n="4"} -0',
  ]),
  "many series": withLines(({ page }) =>
    Array.from({ length: 60 }, (_, i) => `many{i="${i}",page="${page % 2}"} ${i}`),
  ),
  "many labels": withLines(() => [`wide{${Array.from({ length: 8 }, (_, i) => `l${i}="v"`).join()}} 1`]),
  "a long label": withLines(({ page }) => [`long{text="${"x".repeat(60)}",page="${page % 2}"} 1`]),
  "names in UTF-8": withLines(() => ['{"with.dot","also.dot"="é"} 1', '{"日本",a="b"} 2', 'a{"b c"="d"} 3']),
  "other bounds": (occasion) =>
    text(occasion.lines.map((line) => line.replace('le="1"', 'le="1.0"').replace('le="2.50"', 'le="2.5"'))),
  "a content type that is unknown": (occasion) => (response) =>
    response.setHeader("content-type", "application/json").end(`${occasion.lines.join("\n")}\n`),
  "no content type": (occasion) => (response) => response.end(`${occasion.lines.join("\n")}\n`),
  OpenMetrics: (occasion) =>
    text(
      [
        "# TYPE requests counter",
        `requests_total{code="200",zone="a"} ${occasion.page} # {trace_id="t${occasion.page}"} 0.5 1700000000.5`,
        'requests_created{code="200",zone="a"} 1700000000.123',
        "# TYPE timed_om gauge",
        `timed_om ${occasion.page} ${occasion.now / 1000 + occasion.page}`,
        "# EOF",
      ],
      "openmetrics",
    ),
  "OpenMetrics without its end": (occasion) => text([`requests_total ${occasion.page}`], "openmetrics"),
  protobuf:
    ({ page }) =>
    (response) => {
      const points = [
        [0.5, page],
        [1, page * 2],
      ] as const;
      const body = protobufOf([
        {
          name: "requests_total",
          type: "counter",
          metrics: [{ labels: { code: "200", zone: "a" }, value: page }],
        },
        {
          name: "latency_seconds",
          type: "histogram",
          metrics: [{ labels: { shard: "1" }, value: 0, points, sum: 1, count: page * 3 }],
        },
      ]);
      response.setHeader("content-type", contentTypes.protobuf).end(body);
    },
  "a redirect": () => (response) => response.writeHead(302, { location: "/elsewhere" }).end(),
  "a redirect of another kind":
    ({ page }) =>
    (response) =>
      response.writeHead([301, 303, 307, 308][page % 4]!, { location: "elsewhere" }).end(),
  "a redirect without a place": () => (response) => response.writeHead(302).end(),
  "a redirect in a circle": () => (response) => response.writeHead(302, { location: "/around" }).end(),
  "a redirect to nowhere": () => (response) => response.writeHead(302, { location: "/nowhere" }).end(),
};

const abandoned: ReadonlySet<string> = new Set(["hangs", "hangs in mid-page"]);

const unusual: ReadonlySet<string> = new Set([
  ...["status 204", "hints before the page"],
  ...Object.keys(behaviours).filter((name) => name.startsWith("a redirect")),
]);

/** Every behaviour has its turn before one comes twice. Half of the time the target is well. */
export function randomScript(pages: number, dice: Dice, now: number): Page[] {
  const script: Page[] = [];
  const writers = new Map<PageKind, PageWriter>();
  const random = (kind: PageKind) => {
    const writer = writers.get(kind) ?? new PageWriter(kind, dice, now);
    writers.set(kind, writer);
    return writer.write();
  };
  let left: string[] = [];
  for (let page = 0; page < pages; page++) {
    if (left.length === 0) left = Object.keys(behaviours);
    const name = dice.chance(0.4) ? "well" : left.splice(dice.integer(left.length), 1)[0]!;
    const answer = behaviours[name]!({ page, lines: usualLines(page, dice), now, random });
    const isAbandoned = abandoned.has(name) || name.startsWith("closes");
    // A connection that is used again may be tried twice when it closes.
    script.push({
      name,
      isAbandoned,
      isUnusual: unusual.has(name),
      answer: (response) => {
        response.shouldKeepAlive = false;
        answer(response);
      },
    });
  }
  return script;
}
