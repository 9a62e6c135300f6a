import { Packr } from "msgpackr";
import { describe, expect, it } from "vitest";
import { failure, NOW, testApp } from "../test-app.js";

const path = "/api/v1/push";
const value = { name: "room_celsius", labels: { room: "attic" }, value: 21.4 };

describe("POST /api/v1/push", () => {
  it.each([
    ["JSON", { "content-type": "application/json" }],
    ["JSON that curl calls a form", { "content-type": "application/x-www-form-urlencoded" }],
    ["lines of JSON", { "content-type": "application/x-ndjson" }],
    ["no type", {}],
  ])("takes %s", async (_title, headers) => {
    const { database, post } = testApp();
    const answer = await post(path, `${JSON.stringify(value)}\n`, headers);
    expect([answer.status, answer.text]).toEqual([204, ""]);
    expect(database.samples).toEqual([`room_celsius{room="attic"} 21.4 @${NOW}`]);
  });

  it.each(["application/msgpack", "application/x-msgpack", "application/vnd.msgpack"])(
    "takes %s",
    async (type) => {
      const { database, post } = testApp();
      const body = new Packr({ useRecords: false }).pack({ ...value, time: 5 });
      expect((await post(path, body, { "content-type": type })).status).toBe(204);
      expect(database.samples).toEqual(['room_celsius{room="attic"} 21.4 @5']);
    },
  );

  it("takes times in seconds", async () => {
    const { database, post } = testApp();
    await post(`${path}?time_unit=s`, JSON.stringify({ ...value, time: 7 }));
    expect(database.samples).toEqual(['room_celsius{room="attic"} 21.4 @7000']);
    const wrong = await post(`${path}?time_unit=h`, "");
    expect(failure(wrong)).toBe(
      '400 error bad_data: invalid parameter "time_unit": "h" is none of s, ms, us, ns',
    );
  });

  it("keeps what it can read and names what it cannot", async () => {
    const { database, post } = testApp();
    const answer = await post(path, `${JSON.stringify(value)}{"nam":"x"}`);
    expect(failure(answer)).toMatch(
      /^400 error bad_data: value 2: the key "nam" means nothing here.* \(samples: 1 kept, 0 rejected, 1 malformed\)$/,
    );
    expect(database.samples).toHaveLength(1);
  });

  it("says what it reads", async () => {
    expect(failure(await testApp().post(path, "x", { "content-type": "application/cbor" }))).toMatch(
      /^415 error unsupported_media_type: .* send application\/json or application\/msgpack$/,
    );
  });

  it("says what is wrong with what the source declares", async () => {
    const { post } = testApp();
    expect(failure(await post(path, "{}", { "x-push-interval": "often" }))).toMatch(/no duration, as 60s/);
    expect(failure(await post(`${path}?staleness=hold:x`, "{}"))).toMatch(/hold:DURATION/);
  });
});
