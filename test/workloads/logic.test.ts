import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Random } from "../oracle/random.ts";
import { collationAvailable, createDatabase, newestServer, type TestDatabase } from "../support/postgres.ts";
import { loadTables } from "./load-tables.ts";
import { KINDS_OF_QUERIES, makeQueries } from "./logic/generate.ts";
import { makeRows, SCHEMA } from "./logic/tables.ts";
import { sumsText } from "./print-report.ts";
import { type QueryReport, WorkloadSession } from "./session.ts";

const SEED = 1;
const EACH = 40;

describe("queries in the manner of sqllogictest", () => {
  let database: TestDatabase | undefined;

  beforeAll(async () => {
    const server = newestServer();
    database = await createDatabase(server, { collation: collationAvailable(server, "en_US") ? "en_US" : "C" });
    await loadTables(database.url, SCHEMA, makeRows(new Random(SEED)));
  });
  afterAll(async () => {
    await database?.drop();
  });

  it.each(KINDS_OF_QUERIES)(
    "%s: each is answered as Postgres answers it, its errors too",
    async (kind) => {
      await using session = new WorkloadSession(database?.url ?? "", { runs: 2 });
      const reports: QueryReport[] = [];
      for (const query of makeQueries(SEED, EACH, kind)) reports.push(await session.ask(query));
      console.log(`in the manner of sqllogictest, ${kind}\n${sumsText(reports)}`);
      expect(reports).toHaveLength(EACH);
      expect(reports.filter(({ difference }) => difference !== null)).toEqual([]);
      // A generator that mostly raises would test little.
      const answered = reports.filter(({ outcome }) => outcome === "cache" || outcome === "origin").length;
      expect(answered / reports.length).toBeGreaterThan(0.85);
    },
    120_000,
  );
});
