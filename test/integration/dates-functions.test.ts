import { isDeepStrictEqual } from "node:util";
import { expect, it } from "vitest";
import { describeOnServers, type OpenedEngine, openEngine, type SharedDatabase } from "../support/engine.ts";

type Statement = string | readonly [sql: string, ...params: unknown[]];

/** Days and moments of all ages, month ends, leap years, the first and last of an ISO year; `inf` has the infinities. */
async function fill(database: SharedDatabase): Promise<void> {
  await database.query(
    "CREATE TABLE d (id int PRIMARY KEY, d date, e date, t timestamp, u timestamp, z timestamptz, n int)",
  );
  await database.query(`
    INSERT INTO d SELECT i,
      CASE WHEN i % 11 <> 0 THEN date '2000-02-29' + (i * 7919) % 40000 - 20000 END,
      date '1999-12-28' + i % 40,
      CASE WHEN i % 13 <> 0 THEN timestamp '1970-01-01' + ((i * 7919.123457) % 60000 - 30000) * interval '1 day' END,
      timestamp '2024-02-28 23:59:59.999999' + (i % 5) * interval '1 microsecond' + (i % 3) * interval '1 day',
      timestamptz '2020-01-01 00:00:00+00' + (i * 12345.678) * interval '1 second',
      i % 9 - 4
    FROM generate_series(1, 1500) AS g(i)`);
  await database.query(`INSERT INTO d VALUES
    (0, '0001-01-01', '0044-03-15 BC', '0001-01-01 00:00:00.000001', '0044-03-15 12:00:00 BC', '1900-01-01 00:00:00+00', 0),
    (-1, '9999-12-31', '2400-02-29', '9999-12-31 23:59:59.999999', '2200-01-01', '2100-12-31 23:59:59.5+00', 0)`);
  await database.query("CREATE TABLE inf (id int PRIMARY KEY, d date, t timestamp)");
  await database.query(
    "INSERT INTO inf VALUES (1, 'infinity', '-infinity'), (2, '2020-01-01', 'infinity'), (3, NULL, '2020-01-01')",
  );
}

const FIELDS = [
  "year",
  "isoyear",
  "decade",
  "century",
  "millennium",
  "quarter",
  "month",
  "week",
  "day",
  "doy",
  "dow",
  "isodow",
  "epoch",
];
const TIME_FIELDS = ["hour", "minute", "second", "milliseconds", "microseconds"];
const UNITS = [
  "microseconds",
  "milliseconds",
  "second",
  "minute",
  "hour",
  "day",
  "week",
  "month",
  "quarter",
  "year",
  "decade",
];
const FORMATS = [
  "YYYY-MM-DD HH24:MI:SS",
  "YYYY-MM-DD",
  "DD Mon YYYY",
  "FMDay, DD FMMonth YYYY",
  "Day|Month|DAY|MONTH|day|month",
  "Dy DY dy Mon MON mon",
  "HH12:MI AM",
  "HH:MI p.m.",
  "YYYYMMDD",
  "IYYY-IW-ID",
  "Q DDD D WW W",
  "MS US",
  'YYYY-MM-DD"T"HH24:MI:SS.US"Z"',
  "FMMM/FMDD/YY",
  "FMHH24:FMMI",
  "yyyy-mm",
];
const INTERVALS = [
  "interval '90' day",
  "interval '1' year",
  "interval '3 months'",
  "interval '1 month'",
  "interval '-1 month'",
  "'2 hours 30 minutes'::interval",
  "interval '1 day 02:30:00'",
  "interval '1 week'",
  "interval '1 year 2 months 3 days'",
  "interval '15 minutes'",
  "interval '1 day' * 3",
  "2 * interval '1 month'",
  "- interval '1 day'",
];

const EXPRESSIONS = [
  ...FIELDS.flatMap((field) => ["d", "t", "z"].map((column) => `extract(${field} FROM ${column})`)),
  ...TIME_FIELDS.flatMap((field) => ["t", "u", "z"].map((column) => `extract(${field} FROM ${column})`)),
  "extract(year FROM e)",
  "extract(century FROM e)",
  "extract(millennium FROM e)",
  "extract(decade FROM e)",
  "extract(isoyear FROM e)",
  "extract(week FROM e)",
  "extract(dow FROM u)",
  "extract(epoch FROM u)",
  "date_part('year', t)",
  "date_part('month', d)",
  "date_part('epoch', z)",
  "date_part('dow', d)",
  "date_part('hour', t)",
  "extract(epoch FROM t - u)",
  "extract(epoch FROM z - t)",
  ...UNITS.flatMap((unit) => ["t", "z", "d"].map((column) => `date_trunc('${unit}', ${column})`)),
  ...FORMATS.flatMap((format) => ["t", "z", "d"].map((column) => `to_char(${column}, '${format}')`)),
  ...INTERVALS.flatMap((interval) =>
    ["d", "t", "z", "u", "e"].flatMap((column) => [`${column} + ${interval}`, `${column} - ${interval}`]),
  ),
  "d + 1",
  "d - 30",
  "e + n",
  "7 + d",
  "d - e",
  "e - d",
  "d - date '2000-01-01'",
  "t - u",
  "u - t",
  "t - d",
  "d - t",
  "z - timestamptz '2020-01-01 00:00:00+00'",
  "u - u",
  "u - timestamp '2024-02-29'",
  "t::date",
  "z::date",
  "u::date",
  "d::timestamp",
  "d::timestamptz",
  "t::timestamptz",
  "z::timestamp",
  "date '2020-02-29' + interval '1 year'",
  "z AT TIME ZONE 'UTC'",
  "t AT TIME ZONE 'utc'",
  "interval '1 day' + t",
  "(d + interval '1 month')::date",
  "date_trunc('month', t) + interval '1 month' - interval '1 day'",
  "extract(year FROM d + interval '6 months')",
];

const CONDITIONS: readonly Statement[] = [
  "SELECT id FROM d WHERE d <= date '1998-12-01' - interval '90' day ORDER BY id",
  "SELECT id FROM d WHERE d >= date '1994-01-01' AND d < date '1994-01-01' + interval '1' year ORDER BY id",
  "SELECT id FROM d WHERE d < timestamp '2000-02-29 00:00:00.000001' ORDER BY id",
  "SELECT id FROM d WHERE d = timestamp '2000-01-02 00:00:00' OR e = timestamp '2000-01-02 12:00:00' ORDER BY id",
  "SELECT id FROM d WHERE d > t ORDER BY id",
  "SELECT id FROM d WHERE t >= d ORDER BY id",
  "SELECT id FROM d WHERE z > t ORDER BY id",
  "SELECT id FROM d WHERE e BETWEEN timestamp '1999-12-30 12:00' AND date '2000-01-05' + interval '1 hour' ORDER BY id",
  ["SELECT id FROM d WHERE t >= $1::timestamp - interval '7 days' ORDER BY id", "2000-01-01"],
  ["SELECT id FROM d WHERE z < $1::timestamptz + interval '1 month' ORDER BY id", new Date("2020-01-31T10:00:00Z")],
  ["SELECT id FROM d WHERE d = $1::date + 1 ORDER BY id", "2000-02-28"],
  ["SELECT id FROM d WHERE e + $1::int > d ORDER BY id", 10],
  "SELECT extract(year FROM d) AS y, count(*) AS n FROM d GROUP BY extract(year FROM d) ORDER BY extract(year FROM d)",
  "SELECT date_trunc('month', z) AS m, count(*) AS n FROM d GROUP BY 1 ORDER BY 1 DESC LIMIT 10",
  "SELECT to_char(z, 'YYYY-MM') AS m, count(*) AS n FROM d GROUP BY 1 ORDER BY count(*) DESC, min(id)",
  "SELECT max(d + 1) AS m, min(t - interval '1 day') AS n FROM d",
  "SELECT id FROM d WHERE extract(month FROM d) = 2 AND extract(day FROM d) = 29 ORDER BY id",
  "SELECT id FROM d WHERE t::date = '1970-01-01'::date OR z::date = date '2020-01-02' ORDER BY id",
  "SELECT id FROM inf WHERE d < timestamp '2021-01-01' OR t > date '2000-01-01' ORDER BY id",
  "SELECT id FROM inf WHERE d > t OR d = t ORDER BY id",
];

/** What the origin rejects or what follows the moment is its own to answer. */
const PASSED: readonly Statement[] = [
  "SELECT d + 1 AS x FROM inf ORDER BY id",
  "SELECT extract(year FROM t) AS x FROM inf ORDER BY id",
  "SELECT d - date '2020-01-01' AS x FROM inf ORDER BY id",
  "SELECT extract(hour FROM d) AS x FROM d",
  "SELECT id FROM d WHERE d < now() ORDER BY id",
  "SELECT id FROM d WHERE d < current_date ORDER BY id",
  "SELECT to_char(d, 'J') AS x FROM d ORDER BY id LIMIT 3",
  "SELECT to_char(e, 'YYYY') AS x FROM d ORDER BY id LIMIT 3",
  "SELECT d + interval '1 day 1 day' AS x FROM d",
  "SELECT date_trunc('nonsense', t) AS x FROM d",
  ["SELECT d + $1::int AS x FROM d ORDER BY id LIMIT 1", 2_000_000_000],
];

async function fault(opened: OpenedEngine, statement: Statement, wanted: string): Promise<string | null> {
  const [sql, ...params] = typeof statement === "string" ? [statement] : statement;
  const [expected, actual] = await Promise.allSettled([opened.bare(sql, params), opened.engine.execute(sql, params)]);
  if (expected.status === "rejected" || actual.status === "rejected") {
    const [ours, theirs] = [actual, expected].map((result) => ("reason" in result ? String(result.reason) : "rows"));
    if (ours !== theirs) return `${sql}: ${ours}, not ${theirs}`;
  } else {
    const wrong = expected.value.findIndex((row, index) => !isDeepStrictEqual(row, actual.value[index]));
    if (wrong >= 0 || actual.value.length !== expected.value.length) {
      return `${sql}: row ${wrong} is ${JSON.stringify(actual.value[wrong])}, not ${JSON.stringify(expected.value[wrong])}`;
    }
  }
  const explained = await opened.engine.explain(sql, params).catch(() => ({ outcome: "bypass", detail: "rejected" }));
  return explained.outcome === wanted ? null : `${sql}: ${explained.outcome} ${explained.detail}`;
}

async function faults(opened: OpenedEngine, statements: readonly Statement[], wanted: string): Promise<string[]> {
  const found: string[] = [];
  for (const statement of statements) {
    const one = await fault(opened, statement, wanted);
    if (one !== null) found.push(one);
  }
  return found;
}

describeOnServers("dates and times", (database) => {
  it("answers as the origin in a session in UTC", async () => {
    await fill(database);
    const opened = await openEngine(database, { mode: "transparent", pool: { options: "-c TimeZone=UTC" } });
    const projections = EXPRESSIONS.map((expression) => `SELECT id, ${expression} AS value FROM d ORDER BY id`);
    expect(await faults(opened, [...projections, ...CONDITIONS], "hit")).toEqual([]);
    expect(await faults(opened, PASSED, "bypass")).toEqual([]);
    expect(opened.faults).toEqual([]);
  }, 120_000);

  it("leaves what follows the zone to the origin in a session in another", async () => {
    const opened = await openEngine(database, { mode: "transparent", pool: { options: "-c TimeZone=Europe/Berlin" } });
    const zoned = [
      "z::date",
      "date_trunc('day', z)",
      "extract(hour FROM z)",
      "z + interval '1 day'",
      "to_char(z, 'YYYY')",
      "d::timestamptz",
    ];
    const plain = [
      "extract(year FROM d)",
      "t + interval '1 day'",
      "to_char(t, 'YYYY-MM-DD')",
      "date_trunc('day', t)",
      "d + interval '1 month'",
      "extract(epoch FROM z)",
      "z AT TIME ZONE 'UTC'",
    ];
    const project = (expression: string): string => `SELECT id, ${expression} AS value FROM d ORDER BY id`;
    expect(await faults(opened, zoned.map(project), "bypass")).toEqual([]);
    expect(await faults(opened, plain.map(project), "hit")).toEqual([]);
    const condition = "SELECT id FROM d WHERE z > timestamptz '2020-03-01 00:00:00+00' - interval '1 hour' ORDER BY id";
    expect(await faults(opened, [condition], "hit")).toEqual([]);
  });
});
