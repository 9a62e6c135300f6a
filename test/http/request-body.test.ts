import { request } from "node:http";
import { describe, expect, it } from "vitest";
import { testApp } from "./test-app.js";

/** Posts pieces without a declared length; resolves with the status, or what became of the connection. */
function postPieces(port: number, path: string, pieces: readonly Buffer[]): Promise<number | string> {
  return new Promise((resolve) => {
    const headers = { "content-type": "application/x-protobuf" };
    const posted = request({ port, host: "127.0.0.1", method: "POST", path, headers });
    posted.on("response", (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    posted.on("error", (error) => resolve(error.message));
    for (const piece of pieces) posted.write(piece);
    posted.end();
  });
}

describe("a body that is given up in its middle", () => {
  it.each(["/api/v1/write", "/api/v1/import/prometheus", "/api/v1/otlp/v1/metrics"])(
    "is answered: %s",
    async (path) => {
      const { app } = testApp({ pushSizeBytes: 100_000 });
      await app.listen({ port: 0, host: "127.0.0.1" });
      try {
        const address = app.server.address();
        const port = typeof address === "object" && address !== null ? address.port : 0;
        const pieces = Array.from({ length: 64 }, () => Buffer.alloc(128 * 1024, "\n"));
        expect(await postPieces(port, path, pieces)).toBe(413);
        expect(await postPieces(port, path, [])).not.toBe(413);
      } finally {
        await app.close();
      }
    },
  );
});
