import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { failure, testApp } from "./test-app.js";

describe("the application", () => {
  it.each([
    ["/api/v1/metadata", {}],
    ["/api/v1/targets/metadata", []],
    ["/api/v1/query_exemplars?query=up", []],
    ["/api/v1/rules?type=alert", { groups: [] }],
    ["/api/v1/alerts", { alerts: [] }],
    ["/api/v1/alertmanagers", { activeAlertmanagers: [], droppedAlertmanagers: [] }],
  ])("answers %s as a Prometheus that has none", async (url, data) => {
    const answer = await testApp().get(url);
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toEqual({ status: "success", data });
  });

  it("answers paths that do not decode, and labels without a name, in the envelope", async () => {
    const { get } = testApp();
    expect(failure(await get("/api/v1/label/%FF/values"))).toMatch(/^400 error bad_data: .*not a valid url/);
    expect(failure(await get("/%"))).toMatch(/^400 error bad_data: /);
    expect(failure(await get("/api/v1/label//values"))).toBe('400 error bad_data: invalid label name: ""');
  });

  it("answers bytes that are no HTTP, and headers beyond the limit, in the envelope", async () => {
    const { app } = testApp({ headerSizeBytes: 4096 });
    await app.listen({ host: "127.0.0.1", port: 0 });
    const { port } = app.server.address() as { port: number };
    try {
      expect(await exchange(port, "GARBAGE\r\n\r\n")).toMatch(/^HTTP\/1.1 400 .*"errorType":"bad_data"/s);
      const long = `GET / HTTP/1.1\r\nHost: x\r\nX: ${"a".repeat(10_000)}\r\n\r\n`;
      expect(await exchange(port, long)).toMatch(/^HTTP\/1.1 431 .*"errorType":"too_large"/s);
    } finally {
      await app.close();
    }
  });

  it("logs a failure of ours with the beginning of a long URL", async () => {
    const { get, database, events } = testApp();
    database.answerSeries = () => {
      throw new RangeError("broken");
    };
    await get(`/api/v1/series?match[]=up&long=${"x".repeat(5000)}`);
    expect(events).toHaveLength(1);
    expect(String(events[0]!.facts?.url).length).toBeLessThan(250);
  });
});

function exchange(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    socket.on("data", (piece) => {
      received += piece;
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(received));
  });
}
