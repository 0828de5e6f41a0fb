import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { createDatabase, servers } from "../support/postgres.ts";

const EXAMPLES = path.resolve(import.meta.dirname, "../../examples");

describe.each(servers())("examples on $name", (server) => {
  it("quickstart", async () => {
    await using database = await createDatabase(server);
    const directory = await mkdtemp(path.join(tmpdir(), "sqlmem-example-"));
    try {
      const { stdout } = await promisify(execFile)(process.execPath, [path.join(EXAMPLES, "quickstart.ts")], {
        cwd: directory,
        env: { ...process.env, DATABASE_URL: database.url },
      });
      const lines = stdout.split("\n").filter((line) => /^(hit|miss|wildcard)/.test(line));
      expect(lines).toEqual([
        expect.stringMatching(/^miss, 1 rows, .*{ id: 42, name: 'product 42', price: '55\.40' }/),
        expect.stringMatching(/^hit, 50 rows, /),
        expect.stringMatching(/^hit, 1 rows, .*price: '25\.90'/),
        expect.stringMatching(/^wildcard: /),
        expect.stringMatching(/^miss, 1 rows, .*price: '1\.50'/),
      ]);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
