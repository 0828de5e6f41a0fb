import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { collationAvailable, createDatabase, newestServer, type TestDatabase } from "../support/postgres.ts";
import { filmQueries, loadFilms } from "./job/load.ts";
import { sumsText } from "./print-report.ts";
import { type QueryReport, WorkloadSession } from "./session.ts";

const TITLES = 600;
/** Of the queries; fewer films make fewer meetings of rare values. */
const FOUND = 0.8;

describe("Join Order Benchmark", () => {
  let database: TestDatabase | undefined;

  beforeAll(async () => {
    const server = newestServer();
    // Names outside of ASCII: the lowest one is another under each collation.
    database = await createDatabase(server, { collation: collationAvailable(server, "en_US") ? "en_US" : "C" });
    await loadFilms(database.url, TITLES);
  });
  afterAll(async () => {
    await database?.drop();
  });

  it("each query is answered as Postgres answers it", async () => {
    await using session = new WorkloadSession(database?.url ?? "", { runs: 2 });
    const reports: QueryReport[] = [];
    for (const query of filmQueries()) reports.push(await session.ask(query));
    console.log(`Join Order Benchmark\n${sumsText(reports)}`);
    expect(reports.filter(({ outcome, difference }) => outcome === "error" || difference !== null)).toEqual([]);
    const found = reports.filter(({ allNull }) => !allNull).length;
    expect(found / reports.length, "share of the queries that find something").toBeGreaterThan(FOUND);
  }, 120_000);
});
