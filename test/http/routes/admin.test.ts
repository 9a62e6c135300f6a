import { describe, expect, it } from "vitest";
import { failure, testApp } from "../test-app.js";

const form = { "content-type": "application/x-www-form-urlencoded" };
const enabled = () => testApp({}, { enableAdminApi: true });

describe("/api/v1/admin/tsdb/delete_series", () => {
  it("deletes what the selectors name, in the range", async () => {
    const { app, database, post } = enabled();
    const url = "/api/v1/admin/tsdb/delete_series?match[]=up&match[]=x%7Ba%3D%22b%22%7D&start=1&end=2.5";
    expect(await post(url)).toMatchObject({ status: 204, text: "" });
    expect((await post("/api/v1/admin/tsdb/delete_series", "match[]=up", form)).status).toBe(204);
    expect(
      (await app.inject({ method: "PUT", url: "/api/v1/admin/tsdb/delete_series?match[]=up" })).statusCode,
    ).toBe(204);
    expect(database.deletions).toEqual([
      { match: ["up", 'x{a="b"}'], minTime: 1000, maxTime: 2500 },
      { match: ["up"] },
      { match: ["up"] },
    ]);
  });

  it.each([
    ["", "no match[] parameter provided"],
    [
      "?match[]=up%7B",
      'invalid parameter "match[]": 1:4: parse error: unexpected end of input inside braces',
    ],
    [
      "?match[]=%7Ba=~'.*'%7D",
      'invalid parameter "match[]": match[] must contain at least one non-empty matcher',
    ],
    ["?match[]=up&start=soon", 'invalid parameter "start": cannot parse "soon" to a valid timestamp'],
  ])("refuses %s", async (parameters, reason) => {
    const { database, post } = enabled();
    const answer = await post(`/api/v1/admin/tsdb/delete_series${parameters}`);
    expect(failure(answer)).toBe(`400 error bad_data: ${reason}`);
    expect(database.deletions).toEqual([]);
  });
});

describe("/api/v1/admin/tsdb/clean_tombstones", () => {
  it("cleans", async () => {
    const { database, post } = enabled();
    expect(await post("/api/v1/admin/tsdb/clean_tombstones")).toMatchObject({ status: 204, text: "" });
    expect(database.deletions).toEqual(["clean"]);
  });
});

describe("/api/v1/admin/tsdb/snapshot", () => {
  it("names the snapshot that it made, with or without the head", async () => {
    const { database, post } = enabled();
    const answer = await post("/api/v1/admin/tsdb/snapshot");
    expect(JSON.parse(answer.text)).toEqual({ status: "success", data: { name: "20260102T030405Z-x" } });
    await post("/api/v1/admin/tsdb/snapshot?skip_head=true");
    expect(database.snapshots).toEqual([{ skipHead: false }, { skipHead: true }]);
    expect(failure(await post("/api/v1/admin/tsdb/snapshot?skip_head=maybe"))).toBe(
      '400 error bad_data: invalid parameter "skip_head": unable to parse boolean "maybe"',
    );
  });
});

describe("the admin API", () => {
  it("is closed unless the operator has opened it, and only that", async () => {
    const { database, get, post } = testApp();
    for (const url of [
      "/api/v1/admin/tsdb/delete_series?match[]=up",
      "/api/v1/admin/tsdb/clean_tombstones",
      "/api/v1/admin/tsdb/snapshot",
    ])
      expect(failure(await post(url))).toBe(
        "503 error unavailable: admin APIs disabled; start the server with --web.enable-admin-api",
      );
    expect([database.deletions, database.snapshots]).toEqual([[], []]);
    expect((await get("/api/v1/labels")).status).toBe(200);
    expect((await enabled().get("/api/v1/admin/tsdb/clean_tombstones")).status).toBe(404);
  });
});
