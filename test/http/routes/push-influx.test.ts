import { describe, expect, it } from "vitest";
import { NOW, testApp } from "../test-app.js";

describe("the write APIs of InfluxDB", () => {
  it("take version 1, with its database as a label", async () => {
    const { database, post } = testApp();
    const answer = await post("/write?db=home&precision=s", "room,floor=2 celsius=21.4 7\nroom celsius=1i");
    expect([answer.status, answer.text]).toEqual([204, ""]);
    expect(database.samples).toEqual([
      'room_celsius{db="home", floor="2"} 21.4 @7000',
      `room_celsius{db="home"} 1 @${NOW}`,
    ]);
  });

  it("take version 2", async () => {
    const { database, post } = testApp();
    const answer = await post(
      "/api/v2/write?org=o&bucket=b&precision=ms",
      'room celsius=21.4,state="warm" 7',
      {
        "content-type": "text/plain; charset=utf-8",
      },
    );
    expect(answer.status).toBe(204);
    expect(database.samples).toEqual(["room_celsius 21.4 @7"]);
  });

  it("keep what can be read, and say in InfluxDB's words what cannot", async () => {
    const { database, post } = testApp();
    const body = "room celsius=21.4\nroom celsius=warm";
    const message =
      'partial write: line 2: "warm" is no value; text must be quoted (samples: 1 kept, 0 rejected, 1 malformed)';
    const one = await post("/write", body);
    expect([one.status, JSON.parse(one.text)]).toEqual([400, { error: message }]);
    const two = await post("/api/v2/write", body);
    expect([two.status, JSON.parse(two.text)]).toEqual([400, { code: "invalid", message }]);
    expect(database.samples).toHaveLength(2);
  });

  it("refuse in InfluxDB's words", async () => {
    const { post } = testApp({ pushSizeBytes: 10 });
    const wrong = await post("/write?precision=days", "a b=1");
    expect([wrong.status, JSON.parse(wrong.text).error]).toEqual([400, expect.stringMatching(/precision/)]);
    const large = await post("/api/v2/write", "room celsius=21.4");
    expect(large.status).toBe(413);
    expect(JSON.parse(large.text)).toEqual({ code: "too_large", message: expect.stringMatching(/17 bytes/) });
  });

  it("answer what agents ask before they write", async () => {
    const { get, post } = testApp();
    expect((await get("/ping")).status).toBe(204);
    expect(JSON.parse((await get("/health")).text)).toMatchObject({ status: "pass" });
    expect(JSON.parse((await get("/query?q=SHOW+DATABASES")).text).results[0].series[0].name).toBe(
      "databases",
    );
    const create = await post("/query", "q=CREATE+DATABASE+%22telegraf%22", {
      "content-type": "application/x-www-form-urlencoded",
    });
    expect(JSON.parse(create.text)).toEqual({ results: [{ statement_id: 0 }] });
    expect((await get("/query?q=SELECT+1")).status).toBe(400);
  });
});
