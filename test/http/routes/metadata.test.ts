import { describe, expect, it } from "vitest";
import type { MetadataOptions } from "../../../src/api.js";
import { Labels } from "../../../src/model/labels.js";
import type { ScrapePoolStatus, TargetStatus } from "../../../src/scrape/status.js";
import { SharedMetadata, TargetMetadata } from "../../../src/scrape/target-metadata.js";
import { failure, testApp } from "../test-app.js";

const form = { "content-type": "application/x-www-form-urlencoded" };

describe("/api/v1/series", () => {
  it("answers label sets, by GET and by form", async () => {
    const { database, get, post } = testApp();
    const asked: MetadataOptions[] = [];
    database.answerSeries = (options) => {
      asked.push(options);
      return [Labels.from({ __name__: "up", job: "a" }), Labels.from({ __name__: "up", job: "b" })];
    };
    const answer = await get("/api/v1/series?match[]=up&match[]=down&start=1&end=2.5");
    expect(answer.text).toBe(
      '{"status":"success","data":[{"__name__":"up","job":"a"},{"__name__":"up","job":"b"}]}',
    );
    await post("/api/v1/series", "match[]=up%7Ba%3D%22b%22%7D", form);
    expect(asked).toEqual([
      { match: ["up", "down"], minTime: 1000, maxTime: 2500 },
      { match: ['up{a="b"}'] },
    ]);
  });

  it("needs a selector", async () => {
    expect(failure(await testApp().get("/api/v1/series"))).toBe(
      "400 error bad_data: no match[] parameter provided",
    );
  });

  it.each([
    ["foo%7B", "1:5: parse error: unexpected end of input inside braces"],
    ["%7Bx=~'.*'%7D", "match[] must contain at least one non-empty matcher"],
  ])("refuses match[]=%s", async (text, reason) => {
    const { get } = testApp();
    const error = `400 error bad_data: invalid parameter "match[]": ${reason}`;
    expect(failure(await get(`/api/v1/series?match[]=up&match[]=${text}`))).toBe(error);
    expect(failure(await get(`/api/v1/labels?match[]=${text}`))).toBe(error);
  });
});

describe("/api/v1/labels", () => {
  it("answers names, and cuts at a limit", async () => {
    const { database, get, post } = testApp();
    database.answerNames = () => ["__name__", "job", "na me"];
    expect((await get("/api/v1/labels")).text).toBe('{"status":"success","data":["__name__","job","na me"]}');
    expect((await post("/api/v1/labels", "limit=1", form)).text).toBe(
      '{"status":"success","data":["__name__"],"warnings":["results truncated due to limit"]}',
    );
  });
});

describe("/api/v1/label/NAME/values", () => {
  it.each([
    ["job", "job"],
    ["__name__", "__name__"],
    ["na%20me", "na me"],
    ["U__na_20_me", "na me"],
    ["a%2Fb", "a/b"],
  ])("%s asks for %s", async (path, name) => {
    const { database, get } = testApp();
    database.answerValues = (asked) => [asked];
    expect((await get(`/api/v1/label/${path}/values?match[]=up`)).text).toBe(
      `{"status":"success","data":[${JSON.stringify(name)}]}`,
    );
  });

  it("refuses a wrong time", async () => {
    expect(failure(await testApp().get("/api/v1/label/job/values?start=x"))).toBe(
      '400 error bad_data: invalid parameter "start": cannot parse "x" to a valid timestamp',
    );
  });
});

describe("/api/v1/metadata", () => {
  it("answers what pushes have told, by names in order, cut at a limit", async () => {
    const { get, post } = testApp();
    expect((await get("/api/v1/metadata")).text).toBe('{"status":"success","data":{}}');
    await post("/api/v1/import/prometheus", '# TYPE orders counter\n# HELP orders All "orders".\norders 1\n');
    await post(
      "/api/v1/import/prometheus",
      "# UNIT b_seconds seconds\n# TYPE b_seconds gauge\nb_seconds 1\n# EOF\n",
      {
        "content-type": "application/openmetrics-text",
      },
    );
    const b = '"b_seconds":[{"type":"gauge","help":"","unit":"seconds"}]';
    const orders = '"orders":[{"type":"counter","help":"All \\"orders\\".","unit":""}]';
    const answerTo = async (query: string) => (await get(`/api/v1/metadata${query}`)).text;
    expect(await answerTo("")).toBe(`{"status":"success","data":{${b},${orders}}}`);
    expect(await answerTo("?metric=orders&limit_per_metric=1")).toBe(
      `{"status":"success","data":{${orders}}}`,
    );
    expect(await answerTo("?metric=other")).toBe('{"status":"success","data":{}}');
    expect(await answerTo("?limit=1")).toBe(`{"status":"success","data":{${b}}}`);
    expect(await answerTo("?limit=0")).toBe('{"status":"success","data":{}}');
    expect(failure(await get("/api/v1/metadata?limit=x"))).toBe("400 error bad_data: limit must be a number");
    expect(failure(await get("/api/v1/metadata?limit_per_metric=x"))).toBe(
      "400 error bad_data: limit_per_metric must be a number",
    );
  });

  it("answers what targets say too, all that differs, as many as are asked for", async () => {
    const shared = new SharedMetadata();
    const targets = ["One.", "Two.", "One."].map((help) => {
      const metadata = new TargetMetadata(shared, undefined);
      metadata.describeMetric("orders", { type: "gauge", help });
      return { metadata } as unknown as TargetStatus;
    });
    const pool = { jobName: "a", activeTargets: targets } as unknown as ScrapePoolStatus;
    const { get, post } = testApp({}, { scrapePools: () => [pool] });
    await post("/api/v1/import/prometheus", "# TYPE orders gauge\n# HELP orders Two.\norders 1\n");
    const [one, two] = ["One.", "Two."].map((help) => ({ type: "gauge", help, unit: "" }));
    const answerTo = async (query: string) => JSON.parse((await get(`/api/v1/metadata${query}`)).text).data;
    expect(await answerTo("")).toEqual({ orders: [one, two] });
    expect(await answerTo("?limit_per_metric=1")).toEqual({ orders: [one] });
  });
});
