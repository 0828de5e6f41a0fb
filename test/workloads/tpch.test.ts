import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDatabase, newestServer, type TestDatabase } from "../support/postgres.ts";
import { sumsText } from "./print-report.ts";
import { type QueryReport, WorkloadSession } from "./session.ts";
import { loadTpch, tpchPieces, tpchQueries } from "./tpch/load.ts";

const SCALE = 0.002;

describe("TPC-H", () => {
  let database: TestDatabase | undefined;

  beforeAll(async () => {
    database = await createDatabase(newestServer());
    await loadTpch(database.url, SCALE);
  });
  afterAll(async () => {
    await database?.drop();
  });

  it.each(["literal", "parameter"] as const)(
    "each of the 22 queries is answered as Postgres answers it (%s)",
    async (style) => {
      await using session = new WorkloadSession(database?.url ?? "");
      const reports: QueryReport[] = [];
      for (const query of tpchQueries(style)) reports.push(await session.ask(query));
      console.log(`TPC-H, ${style} values\n${sumsText(reports)}`);
      expect(reports).toHaveLength(22);
      for (const report of reports) {
        expect(report).toMatchObject({ difference: null });
        expect(report.outcome).not.toBe("error");
        expect(report.rows, `${report.name} finds nothing: the data are not what it is about`).toBeGreaterThan(0);
        expect(report.allNull, `${report.name} finds only NULL: the data are not what it is about`).toBe(false);
      }
    },
    120_000,
  );

  it("each expression of the queries has the value that Postgres gives it", async () => {
    await using session = new WorkloadSession(database?.url ?? "");
    const reports: QueryReport[] = [];
    for (const query of tpchPieces()) reports.push(await session.ask(query));
    console.log(`TPC-H, expressions\n${sumsText(reports)}`);
    expect(reports.filter(({ outcome, difference }) => outcome === "error" || difference !== null)).toEqual([]);
  }, 120_000);
});
