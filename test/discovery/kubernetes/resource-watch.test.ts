/**
 * A watch against a server that speaks the real protocol, and that fails in every way that it can.
 */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ApiServer } from "../../../src/discovery/kubernetes/api-server.js";
import { ResourceWatch, type WatchedResource } from "../../../src/discovery/kubernetes/resource-watch.js";
import { defaultHttpClientConfig } from "../../../src/http-client/http-client-config.js";
import { readTextFile } from "../../../src/local-files.js";
import { eventually } from "../../support/eventually.js";
import { HastyClock } from "../../support/hasty-clock.js";
import { pod } from "../../support/kubernetes-cluster.js";
import { KubernetesServer, refuse, type SeenRequest, status } from "../../support/kubernetes-server.js";

let server: KubernetesServer;
let clock: HastyClock;
let access: ApiServer;
let watch: ResourceWatch<"pods"> | undefined;
let changes: string[];
let random: number;

beforeEach(async () => {
  server = new KubernetesServer();
  clock = new HastyClock();
  changes = [];
  random = 1;
  const url = await server.listen();
  access = new ApiServer(
    { kind: "url", url, client: defaultHttpClientConfig },
    { clock, readFile: readTextFile, version: "1.2.3" },
  );
});

afterEach(async () => {
  await watch?.stop();
  watch = undefined;
  access.close();
  await server.close();
});

function start(rest: Partial<WatchedResource<"pods">> = {}): ResourceWatch<"pods"> {
  const watched = { resource: "pods", namespace: "", labelSelector: "", fieldSelector: "", ...rest } as const;
  watch = new ResourceWatch<"pods">(watched, access, { clock, random: () => random });
  watch.listen({ onChange: (key) => changes.push(key), onStatus: () => {} });
  return watch;
}

const names = () => [...(watch?.objects.keys() ?? [])].sort();

/** Until these are the objects, and a watch is open. */
function become(...keys: string[]): Promise<void> {
  return eventually(() => {
    expect(names()).toEqual([...keys].sort());
    expect(server.openWatches).toBe(1);
  });
}

const lists = () => server.requests.filter(({ query }) => query.watch === undefined);
const watches = () => server.requests.filter(({ query }) => query.watch !== undefined);
const put = (name: string, ip = "10.0.0.1") => server.put("pods", pod(name, "shop", { ip }));

describe("a watch", () => {
  it("lists in pages, and goes on where the list ended", async () => {
    for (let i = 0; i < 250; i++) put(`web-${i}`);
    start({ namespace: "shop", labelSelector: "app=web", fieldSelector: "status.phase=Running" });
    await eventually(() => expect(server.openWatches).toBe(1));
    expect(watch!.isListed).toBe(true);
    expect(names()).toHaveLength(250);
    expect(changes).toHaveLength(250);
    const selectors = { labelSelector: "app=web", fieldSelector: "status.phase=Running" };
    expect(lists().map(({ query }) => query)).toEqual([
      { limit: "100", ...selectors },
      { limit: "100", continue: "1250:100", ...selectors },
      { limit: "100", continue: "1250:200", ...selectors },
    ]);
    expect(watches()).toMatchObject([
      {
        path: "/api/v1/namespaces/shop/pods",
        query: { watch: "true", allowWatchBookmarks: "true", resourceVersion: "1250", ...selectors },
        accept: "application/json",
        userAgent: "Narthex/1.2.3",
      },
    ]);
  });

  it("sees objects come, change and go; what no label is made of is no change", async () => {
    put("a");
    start();
    await become("shop/a");
    put("b");
    put("a", "10.0.0.2");
    await become("shop/a", "shop/b");
    const same = pod("a", "shop", { ip: "10.0.0.2" });
    server.put("pods", { ...same, status: { ...(same.status as object), startTime: "now", qosClass: "x" } });
    server.delete("pods", "b", "shop");
    await become("shop/a");
    expect(watch!.objects.get("shop/a")!.ip).toBe("10.0.0.2");
    expect(changes).toEqual(["shop/a", "shop/b", "shop/a", "shop/b"]);
    expect(lists()).toHaveLength(1);
  });

  it.each(["ended", "broken", "mid-line"] as const)(
    "goes on where it was when it %s, and loses nothing and tells nothing twice",
    async (how) => {
      put("a");
      start();
      await become("shop/a");
      put("b");
      await become("shop/a", "shop/b");
      server.endWatches(how);
      put("c");
      server.delete("pods", "a", "shop");
      await become("shop/b", "shop/c");
      expect(changes).toEqual(["shop/a", "shop/b", "shop/c", "shop/a"]);
      expect(lists()).toHaveLength(1);
      expect(watches().map(({ query }) => query.resourceVersion)).toEqual(["1001", "1002"]);
      expect(watch!.status).toMatchObject({ failures: 0, lastError: "" });
    },
  );

  it("goes on from the version of a bookmark", async () => {
    start();
    await become();
    server.bookmark();
    server.endWatches();
    await eventually(() => expect(watches()).toHaveLength(2));
    expect(watches()[1]!.query.resourceVersion).toBe("1001");
  });

  it.each(["event", "status"])("lists again what the server has forgotten: 410 as %s", async (how) => {
    for (const name of ["a", "b"]) put(name);
    start();
    await become("shop/a", "shop/b");
    if (how === "status")
      server.fault = ({ query }, response) => {
        if (query.resourceVersion !== "1002") return undefined;
        refuse(response, 410, "Expired", "too old resource version");
        return "answered";
      };
    server.endWatches();
    server.delete("pods", "a", "shop");
    put("b", "10.0.0.9");
    put("c");
    server.forget();
    await become("shop/b", "shop/c");
    expect(changes.slice(2).sort()).toEqual(["shop/a", "shop/b", "shop/c"]);
    expect(lists()).toHaveLength(2);
    expect(watch!.status.failures).toBe(0);
  });

  it("lists all at once when the rest of a list was forgotten", async () => {
    for (let i = 0; i < 300; i++) put(`web-${i}`);
    server.fault = ({ query }) => {
      if (query.continue !== undefined) server.forget();
      return undefined;
    };
    start();
    await eventually(() => expect(server.openWatches).toBe(1));
    expect(names()).toHaveLength(300);
    expect(lists().map(({ query }) => query.limit)).toEqual(["100", "100", undefined]);
  });

  it.each([
    ["no JSON", "{]\n", "the API server's answer is no JSON"],
    ["an object without a name", '{"type":"ADDED","object":{}}\n', "an object has no name"],
    ["an event of another type", '{"type":"NEWS","object":{}}\n', "the watch sent an event of type NEWS"],
    [
      "an error",
      `${JSON.stringify({ type: "ERROR", object: status(500, "InternalError", "etcd is away") })}\n`,
      "the watch says: etcd is away",
    ],
  ])("says so and lists again after %s", async (_, text, problem) => {
    put("a");
    start();
    await become("shop/a");
    const seen: string[] = [];
    watch!.listen({ onChange: () => {}, onStatus: () => seen.push(watch!.status.lastError) });
    server.write(text);
    await eventually(() => expect(lists()).toHaveLength(2));
    await become("shop/a");
    expect(seen).toContain(problem);
    expect(changes).toEqual(["shop/a"]);
    await eventually(() => expect(watch!.status).toMatchObject({ failures: 1, lastError: "" }));
  });
});

describe("a server that fails", () => {
  /** Answers what `isMeant` with an error, until the function that it returns is called. */
  function failing(code: number, message: string, isMeant: (request: SeenRequest) => boolean = () => true) {
    server.fault = (request, response) => {
      if (!isMeant(request)) return undefined;
      refuse(response, code, "Failure", message);
      return "answered";
    };
    return () => {
      server.fault = () => undefined;
    };
  }

  const says = (text: string | RegExp) => eventually(() => expect(watch!.status.lastError).toMatch(text));

  it("is asked again, the less often the longer; objects stay", async () => {
    put("a");
    start();
    await become("shop/a");
    clock.delays.length = 0;
    const recover = failing(500, "etcd is away");
    server.endWatches("broken");
    await says("cannot watch pods of the cluster (HTTP 500): etcd is away");
    await eventually(() => expect(watch!.status.failures).toBeGreaterThan(6));
    expect(names()).toEqual(["shop/a"]);
    // The watch that broke may have begun only now: five seconds make it a steady one.
    const pauses = clock.delays.filter((delay) => delay > 0 && delay <= 30_000 && delay !== 5000);
    expect(pauses.slice(0, 7)).toEqual([...[1000, 2000, 4000, 8000, 16_000, 30_000], 30_000]);
    recover();
    put("b");
    await become("shop/a", "shop/b");
    expect(watch!.status.lastError).toBe("");
    expect(lists()).toHaveLength(1);
  });

  it("says which right is missing", async () => {
    const message = 'pods is forbidden: User "x" cannot list resource "pods"';
    const recover = failing(403, message);
    start();
    await says(
      `we may not list pods of the cluster; grant the verbs list and watch on pods (HTTP 403): ${message}`,
    );
    recover();
    await become();
    failing(403, "no", ({ query }) => query.watch !== undefined);
    server.endWatches();
    await says("we may not watch pods of the cluster; grant the verbs list and watch on pods (HTTP 403): no");
    expect(lists().length).toBeGreaterThan(1);
  });

  it.each([429, 503])("may answer %d and want to be left alone for a time", async (code) => {
    random = 0;
    clock.longestMs = 600_000;
    server.fault = (_, response) => {
      response.setHeader("retry-after", "7");
      refuse(response, code, "TooManyRequests", "too much");
      return "answered";
    };
    start();
    await says(`cannot list pods of the cluster (HTTP ${code}): too much`);
    await eventually(() => expect(lists().length).toBeGreaterThan(5));
    const pauses = clock.delays.filter((delay) => delay <= 30_000);
    // Half of 1, 2, 4 and 8 seconds is less than that, half of 16 is more.
    expect(pauses.slice(0, 5)).toEqual([7000, 7000, 7000, 7000, 8000]);
    server.fault = (_, response) => {
      response.setHeader("retry-after", "Thu, 01 Jan 2099 00:00:00 GMT");
      refuse(response, code, "TooManyRequests", "a date");
      return "answered";
    };
    await says("a date");
    server.fault = () => undefined;
    await become();
  });

  it("says which namespace it is about, and what is wrong with the credentials", async () => {
    server.authorization = "Bearer other";
    start({ namespace: "shop" });
    await says("our credentials are not accepted to list pods in namespace shop (HTTP 401): Unauthorized");
  });

  it("may go away and come back", async () => {
    put("a");
    start();
    await become("shop/a");
    const { port } = server;
    await server.close();
    await says("ECONNREFUSED");
    expect(names()).toEqual(["shop/a"]);
    put("b");
    await server.listen(port);
    await become("shop/a", "shop/b");
    expect(lists()).toHaveLength(1);
  });

  it("may take forever, and may answer with what is no JSON", async () => {
    clock.longestMs = 60_000;
    server.fault = () => "answered";
    start();
    await says("no complete answer within 60s");
    server.fault = (_, response) => {
      response.end("<html>a proxy</html>");
      return "answered";
    };
    await says("the API server's answer is no JSON");
    server.fault = () => undefined;
    await become();
  });

  it("may answer with JSON that is no list: objects stay", async () => {
    put("a");
    start();
    await become("shop/a");
    for (const answer of [
      {},
      { items: [] },
      status(200, "", ""),
      { kind: "PodList", metadata: {}, items: [] },
    ]) {
      server.fault = ({ query }, response) => {
        if (query.watch !== undefined) return undefined;
        response.end(JSON.stringify(answer));
        return "answered";
      };
      server.write("no JSON\n");
      await says("the API server's answer is no list");
      expect(names()).toEqual(["shop/a"]);
      server.fault = () => undefined;
      await eventually(() => expect(watch!.status.lastError).toBe(""));
    }
  });

  it("may forget every list that it begins to tell", async () => {
    server.fault = (_, response) => {
      refuse(response, 410, "Expired", "too old");
      return "answered";
    };
    start();
    await says("the API server forgets lists before it has told them");
    await eventually(() => expect(watch!.status.failures).toBeGreaterThan(2));
    expect(
      lists()
        .map(({ query }) => query.limit)
        .slice(0, 4),
    ).toEqual(["100", undefined, "100", undefined]);
    server.fault = () => undefined;
    await become();
  });

  it("does not recover by beginning a watch that fails at once", async () => {
    // Only pauses are short: time enough for a watch to fail before it counts as steady.
    clock.longestMs = 4000;
    put("a");
    start();
    await become("shop/a");
    const seen: string[] = [];
    watch!.listen({ onChange: () => {}, onStatus: () => seen.push(watch!.status.lastError) });
    server.fault = ({ query }, response) => {
      if (query.watch === undefined) return undefined;
      response.end("no JSON\n");
      return "answered";
    };
    server.endWatches();
    await eventually(() => expect(watch!.status.failures).toBeGreaterThan(3));
    expect(new Set(seen)).toEqual(new Set(["the API server's answer is no JSON"]));
  });

  it("may forget that it watches: what says nothing for long is begun again", async () => {
    clock.longestMs = 500_000;
    put("a");
    start();
    await become("shop/a");
    const before = lists().length;
    // Nothing that this connection would bring arrives, and it does not end.
    server.loseWatches();
    put("b");
    await become("shop/a", "shop/b");
    expect(lists()).toHaveLength(before);
  });

  it("does not keep a watch from being stopped", async () => {
    server.fault = () => "answered";
    const begun = start();
    await eventually(() => expect(server.requests).toHaveLength(1));
    await begun.stop();
    expect(begun.status).toMatchObject({ refreshes: 0, failures: 0 });
  });
});
