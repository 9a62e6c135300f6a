import { describe, expect, it } from "vitest";
import type { MatrixResult, QueryOptions, RangeQueryOptions } from "../../../src/api.js";
import {
  CorruptionError,
  NotImplementedError,
  ParseError,
  PoisonedError,
  QueryCanceledError,
  QueryError,
  QueryLimitError,
  QueryTimeoutError,
} from "../../../src/model/errors.js";
import { Labels } from "../../../src/model/labels.js";
import { failure, NOW, testApp } from "../test-app.js";

const none = { warnings: [], infos: [] };
const form = { "content-type": "application/x-www-form-urlencoded" };

describe("GET and POST /api/v1/query", () => {
  it("answers in Prometheus' envelope", async () => {
    const { database, get } = testApp();
    database.answerQuery = (_expression, { time }) => ({
      type: "vector",
      series: [{ labels: Labels.from({ __name__: "up" }), time: Number(time), value: 1 }],
      ...none,
    });
    const answer = await get("/api/v1/query?query=up&time=1.5");
    expect(answer).toEqual({
      status: 200,
      type: "application/json; charset=utf-8",
      text: '{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up"},"value":[1.500,"1"]}]}}',
    });
  });

  it.each([
    ["1.5", 1500],
    ["-1.5", -1500],
    ["1e3", 1_000_000],
    ["2010-06-01T00:00:00%2B02:00", Date.UTC(2010, 4, 31, 22)],
    ["1958-03-01T00:00:00.0015Z", Date.UTC(1958, 2, 1, 0, 0, 0, 1)],
    ["", NOW],
  ])("reads the time %s", async (text, time) => {
    const { database, get } = testApp();
    let asked: QueryOptions = {};
    database.answerQuery = (_expression, options) => {
      asked = options;
      return { type: "scalar", time: 0, value: 0, ...none };
    };
    expect((await get(`/api/v1/query?query=1&time=${text}`)).status).toBe(200);
    expect(asked.time).toBe(time);
  });

  it("takes a form, whose values come before the query string's", async () => {
    const { database, post } = testApp();
    const asked: string[] = [];
    database.answerQuery = (expression, { time }) => {
      asked.push(`${expression} @ ${time}`);
      return { type: "scalar", time: 0, value: 0, ...none };
    };
    await post("/api/v1/query?query=b&time=2", "query=a%2Bb+c", form);
    await post("/api/v1/query?query=only");
    expect(asked).toEqual(["a+b c @ 2000", `only @ ${NOW}`]);
  });

  it("passes timeout and lookback on, and holds the timeout to the server's", async () => {
    const { database, get } = testApp({ queryTimeoutMs: 5000 });
    const asked: QueryOptions[] = [];
    database.answerQuery = (_expression, options) => {
      asked.push(options);
      return { type: "scalar", time: 0, value: 0, ...none };
    };
    await get("/api/v1/query?query=1&timeout=2s&lookback_delta=90");
    await get("/api/v1/query?query=1&timeout=1h");
    expect(asked).toMatchObject([{ timeoutMs: 2000, lookbackDeltaMs: 90_000 }, { timeoutMs: 5000 }]);
    expect(asked[1]).not.toHaveProperty("lookbackDeltaMs");
  });

  it("cuts at a limit and says so", async () => {
    const { database, get } = testApp();
    const series = ["a", "b"].map((name) => ({ labels: Labels.from({ name }), time: 0, value: 1 }));
    database.answerQuery = () => ({ type: "vector", series, warnings: ["w"], infos: [] });
    const cut = JSON.parse((await get("/api/v1/query?query=x&limit=1")).text);
    expect(cut.data.result).toHaveLength(1);
    expect(cut.warnings).toEqual(["w", "results truncated due to limit"]);
    expect(JSON.parse((await get("/api/v1/query?query=x&limit=2")).text).warnings).toEqual(["w"]);
    expect(JSON.parse((await get("/api/v1/query?query=x&limit=0")).text).data.result).toHaveLength(2);
  });

  it.each([
    ["query=up&time=abc", 'invalid parameter "time": cannot parse "abc" to a valid timestamp'],
    ["query=up&time=1e300", 'invalid parameter "time": cannot parse "1e300" to a valid timestamp'],
    [
      "query=up&time=2010-02-30T00:00:00Z",
      'invalid parameter "time": cannot parse "2010-02-30T00:00:00Z" to a valid timestamp',
    ],
    ["query=up&timeout=1ns", 'invalid parameter "timeout": cannot parse "1ns" to a valid duration'],
    ["query=up&lookback_delta=x", 'invalid parameter "lookback_delta": cannot parse "x" to a valid duration'],
    ["query=up&limit=-1", 'invalid parameter "limit": limit must be non-negative'],
    ["query=up&limit=x", 'invalid parameter "limit": "x" is not an integer'],
  ])("refuses %s", async (parameters, error) => {
    expect(failure(await testApp().get(`/api/v1/query?${parameters}`))).toBe(`400 error bad_data: ${error}`);
  });

  it("refuses a body that is no form", async () => {
    const { post } = testApp({ formSizeBytes: 100 });
    const json = await post("/api/v1/query", '{"query":"up"}', { "content-type": "application/json" });
    expect(failure(json)).toBe(
      "415 error unsupported_media_type: the content type application/json is not read here; send application/x-www-form-urlencoded",
    );
    expect((await post("/api/v1/query", `query=${"x".repeat(200)}`, form)).status).toBe(413);
  });

  const place = { text: "foo{", start: 4, end: 4, line: 1, column: 5 };
  it.each([
    [
      new ParseError("unexpected end of input inside braces", place),
      '400 error bad_data: invalid parameter "query": 1:5: parse error: unexpected end of input inside braces',
    ],
    [
      new QueryError("many-to-many matching not allowed"),
      "422 error execution: many-to-many matching not allowed",
    ],
    [new NotImplementedError("absent()"), "422 error execution: not implemented yet: absent()"],
    [new QueryLimitError("too many samples"), "422 error execution: too many samples"],
    [new QueryTimeoutError("query timed out"), "503 error timeout: query timed out"],
    [new QueryCanceledError("query was canceled"), "499 error canceled: query was canceled"],
    [new PoisonedError("a sync failed"), "503 error unavailable: a sync failed"],
    [
      new CorruptionError("bad checksum", { file: "chunks/1", offset: 3 }),
      "500 error internal: bad checksum (chunks/1 at byte 3)",
    ],
  ])("answers %s", async (error, text) => {
    const { database, get } = testApp();
    database.answerQuery = () => Promise.reject(error);
    expect(failure(await get("/api/v1/query?query=foo%7B"))).toBe(text);
  });

  it("tells the operator, not the client, about our own bugs", async () => {
    const { database, get, events } = testApp();
    database.answerQuery = () => Promise.reject(new TypeError("undefined is not a function"));
    const answer = await get("/api/v1/query?query=secret");
    expect(failure(answer)).toBe("500 error internal: internal error; the server's log says more");
    expect(events).toHaveLength(1);
    expect(events[0]!.facts!.reason).toContain("undefined is not a function");
  });

  it("does not trouble the operator with the client's faults", async () => {
    const { get, events } = testApp();
    await get("/api/v1/query?query=up&time=abc");
    expect(events).toEqual([]);
  });

  it("cancels the query when the client hangs up", async () => {
    const { app, database } = testApp();
    const client = new AbortController();
    const canceled = new Promise<void>((resolve) => {
      database.answerQuery = (_expression, { signal }) => {
        signal!.addEventListener("abort", () => resolve());
        client.abort();
        return new Promise(() => {});
      };
    });
    const answer = app.inject({ url: "/api/v1/query?query=up", signal: client.signal });
    await expect(answer).rejects.toThrow();
    await canceled;
  });
});

describe("GET and POST /api/v1/query_range", () => {
  it("passes the grid on and answers a matrix", async () => {
    const { database, post } = testApp();
    let asked: RangeQueryOptions | undefined;
    database.answerRange = (_expression, options) => {
      asked = options;
      return matrix(1, 2);
    };
    const answer = await post(
      "/api/v1/query_range",
      "query=up&start=-10&end=1970-01-01T00:00:10Z&step=5s",
      form,
    );
    expect(asked).toMatchObject({ start: -10_000, end: 10_000, step: 5000 });
    expect(JSON.parse(answer.text).data.result[0].values).toEqual([
      [0, "0"],
      [0.001, "1"],
    ]);
  });

  it("streams a large matrix, whole", async () => {
    const { database, get } = testApp();
    database.answerRange = () => matrix(50, 11_000);
    const answer = await get("/api/v1/query_range?query=up&start=0&end=11&step=0.001");
    const { result } = JSON.parse(answer.text).data;
    expect(answer.text.length).toBeGreaterThan(1_000_000);
    expect(result).toHaveLength(50);
    expect(result[49].values[10_999]).toEqual([10.999, "10999"]);
  });

  it("allows 11,000 steps and one", async () => {
    const { get } = testApp();
    expect((await get("/api/v1/query_range?query=up&start=0&end=11000&step=1")).status).toBe(200);
    expect(failure(await get("/api/v1/query_range?query=up&start=0&end=11001&step=1"))).toBe(
      "400 error bad_data: exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
    );
  });

  it.each([
    ["end=10&step=1", 'invalid parameter "start": cannot parse "" to a valid timestamp'],
    ["start=1&end=x&step=1", 'invalid parameter "end": cannot parse "x" to a valid timestamp'],
    ["start=10&end=1&step=1", 'invalid parameter "end": end timestamp must not be before start time'],
    [
      "start=1&end=10&step=0",
      'invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer',
    ],
    ["start=1&end=10&step=x", 'invalid parameter "step": cannot parse "x" to a valid duration'],
    ["start=1&end=10", 'invalid parameter "step": cannot parse "" to a valid duration'],
  ])("refuses %s", async (parameters, error) => {
    const answer = await testApp().get(`/api/v1/query_range?query=up&${parameters}`);
    expect(failure(answer)).toBe(`400 error bad_data: ${error}`);
  });
});

describe("/api/v1/format_query", () => {
  it("lays an expression out", async () => {
    const { get, post } = testApp();
    const text = '{"status":"success","data":"sum by (job) (up)"}';
    expect((await get("/api/v1/format_query?query=sum(up)by(job)")).text).toBe(text);
    expect((await post("/api/v1/format_query", "query=sum(up)by(job)", form)).text).toBe(text);
  });

  it("refuses what is none, as Prometheus words it", async () => {
    const { get } = testApp();
    expect(failure(await get("/api/v1/format_query?query=foo%7B"))).toBe(
      '400 error bad_data: invalid parameter "query": 1:5: parse error: unexpected end of input inside braces',
    );
    expect(failure(await get("/api/v1/format_query"))).toBe(
      '400 error bad_data: invalid parameter "query": unknown position: parse error: no expression found in input',
    );
  });
});

describe("/api/v1/parse_query", () => {
  it("gives the syntax tree", async () => {
    const { get } = testApp();
    expect((await get("/api/v1/parse_query?query=-1%2B(x)")).text).toMatch(
      /^\{"status":"success","data":\{"type":"binaryExpr","op":"\+","lhs":\{"type":"numberLiteral","val":"-1"\}/,
    );
  });

  it("refuses what is none, and what its features do not have", async () => {
    expect(failure(await testApp().get("/api/v1/parse_query?query=sum("))).toBe(
      '400 error bad_data: invalid parameter "query": 1:5: parse error: unclosed left parenthesis',
    );
    const experimental = "/api/v1/parse_query?query=limitk(1,x)";
    expect((await testApp().get(experimental)).status).toBe(400);
    const features = new Set(["promql-experimental-functions"]);
    expect((await testApp({}, { features }).get(experimental)).status).toBe(200);
  });
});

describe("explain=1", () => {
  it("gives the plan instead of an answer", async () => {
    const { database, get } = testApp();
    const asked: unknown[] = [];
    database.answerExplain = (expression, options) => {
      asked.push([expression, definedTimes(options)]);
      return "latest within 5m\n";
    };
    const text = '{"status":"success","data":{"resultType":"plan","result":"latest within 5m\\n"}}';
    expect((await get("/api/v1/query?query=x&time=1&explain=1")).text).toBe(text);
    const range = "start=1&end=3&step=1";
    expect((await get(`/api/v1/query_range?query=x&${range}&explain=true`)).text).toBe(text);
    expect(asked).toEqual([
      ["x", { time: 1000 }],
      ["x", { start: 1000, end: 3000, step: 1000 }],
    ]);
    expect((await get("/api/v1/query?query=x&explain=0")).text).toContain('"resultType":"vector"');
  });

  it("refuses what cannot be planned", async () => {
    const { database, get } = testApp();
    database.answerExplain = () => {
      throw new ParseError("no", { text: "x", start: 0, end: 1, line: 1, column: 1 });
    };
    expect(failure(await get("/api/v1/query?query=x&explain=1"))).toBe(
      '400 error bad_data: invalid parameter "query": 1:1: parse error: no',
    );
  });
});

function definedTimes(options: QueryOptions | RangeQueryOptions) {
  if (!("start" in options)) return { time: options.time };
  return { start: options.start, end: options.end, step: options.step };
}

function matrix(seriesCount: number, steps: number): MatrixResult & typeof none {
  const times = Float64Array.from({ length: steps }, (_, i) => i);
  const series = Array.from({ length: seriesCount }, (_, i) => ({
    labels: Labels.from({ i: String(i) }),
    times,
    values: times,
  }));
  return { type: "matrix", series, ...none };
}
