import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildProgram } from "../../src/cli/program.js";
import { formatSources } from "../../src/cli/sources.js";
import { testApp } from "../http/test-app.js";

describe("narthex sources", () => {
  const { app, database, post } = testApp();
  let url = "";
  const said: string[] = [];
  const terminal = {
    write: (text: string) => said.push(text),
    say: () => {},
    width: 200,
    hasColours: false,
    isInteractive: false,
  };

  beforeAll(async () => {
    url = await app.listen({ host: "127.0.0.1", port: 0 });
    const tokens = [{ token: "t", labels: { instance: "gh-01" } }];
    await database.sources.configure([
      { jobName: "greenhouse", intervalMs: 60_000, tokens, expected: ["gh-01", "gh-02"] },
    ]);
    await post("/api/v1/import/prometheus", "gh 1\n", { authorization: "Bearer t" });
    await post("/api/v1/import/prometheus", "gh 1\n", { authorization: "Bearer wrong" });
  });
  afterAll(() => app.close());

  it("shows who pushes, and what was refused", async () => {
    const answer = await (await fetch(`${url}/api/v1/sources`)).json();
    const { data } = answer as { data: Parameters<typeof formatSources>[0] };
    expect(formatSources(data, 1_012_000).split("\n").slice(0, 4).join("\n")).toBe(
      [
        "job         instance  state    last push  next in  reason                                 series  accepted  rejected",
        "greenhouse  gh-01     up       12s ago    48s      it pushes as expected                       1         1         0",
        "greenhouse  gh-02     awaited  never               it is expected and has not pushed yet       0         0         0",
        "refused 12s ago, text from 127.0.0.1: no entry of push_configs has this token; check that it is sent whole, and that it was not revoked",
      ].join("\n"),
    );
  });

  it("asks a server", async () => {
    await buildProgram(terminal).parseAsync(["sources", "--url", url, "--job", "greenhouse"], {
      from: "user",
    });
    expect(said.pop()).toContain("gh-01");
    await buildProgram(terminal).parseAsync(["sources", "--url", url, "--job", "none"], { from: "user" });
    expect(said.pop()).toContain("nobody pushes");
    await buildProgram(terminal).parseAsync(["sources", "--url", url, "--json"], { from: "user" });
    expect(JSON.parse(said.pop()!).sources[0].lastAccepted.excerpt).toContain('gh{instance="gh-01"');
  });
});
