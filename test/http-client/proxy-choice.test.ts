import { describe, expect, it } from "vitest";
import { chooseProxy } from "../../src/http-client/proxy-choice.js";

const proxies = { http: "http://p", https: "http://s", connectHeaders: {} };

function choose(noProxy: string | undefined, url: string): string | undefined {
  return chooseProxy({ ...proxies, noProxy }, new URL(url));
}

describe("chooseProxy", () => {
  it("chooses by scheme, and everything when there is no list", () => {
    expect(choose(undefined, "http://localhost:9100/")).toBe("http://p");
    expect(choose(undefined, "https://h/")).toBe("http://s");
    expect(choose("", "http://h/")).toBe("http://p");
    expect(chooseProxy(undefined, new URL("http://h/"))).toBeUndefined();
    expect(chooseProxy({ ...proxies, https: undefined, noProxy: "" }, new URL("https://h/"))).toBeUndefined();
  });

  it.each([
    ["", "http://localhost:1/", true],
    ["", "http://127.8.9.1/", true],
    ["", "http://[::1]:9100/", true],
    ["", "http://localhost.example/", false],
    ["*", "http://anything/", true],
    ["example.org", "http://example.org/", true],
    ["example.org", "http://a.b.EXAMPLE.org./", true],
    ["example.org", "http://notexample.org/", false],
    [".example.org", "http://example.org/", false],
    [".example.org", "http://a.example.org/", true],
    ["*.example.org", "http://a.example.org/", true],
    ["other, example.org:9100", "http://example.org:9100/", true],
    ["example.org:9100", "http://example.org/", false],
    ["example.org:443", "https://example.org/", true],
    ["192.0.2.7", "http://192.0.2.7/", true],
    ["192.0.2.7:80", "http://192.0.2.7:81/", false],
    ["192.0.2.7", "http://192.0.2.70/", false],
    ["10.0.0.0/8", "http://10.1.2.3/", true],
    ["10.0.0.0/8", "http://11.1.2.3/", false],
    ["10.0.0.0/8", "http://ten.example/", false],
    ["10.0.0.0/99,10.0.0.0/x,/8", "http://10.1.2.3/", false],
    ["2001:db8::/32", "http://[2001:db8:1::2]/", true],
    ["[2001:db8::1]:9100", "http://[2001:db8::1]:9100/", true],
    ["2001:db8::1", "http://[2001:db8::1]/", true],
  ])("with no_proxy %j asks %s directly: %s", (noProxy, url, isDirect) => {
    expect(choose(noProxy, url) === undefined).toBe(isDirect);
  });
});
