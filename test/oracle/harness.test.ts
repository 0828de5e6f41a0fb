import { expect, test } from "vitest";
import { createDatabase, newestServer } from "../support/postgres.ts";
import { campaign } from "./campaign.ts";
import { isLegal, judge } from "./judge.ts";
import { sortedArrays } from "./loose-json.ts";
import { parseRegression, replay, serializeRegression } from "./regression.ts";
import { node, parameter, print, smaller } from "./relational/node.ts";
import { selectNode } from "./relational/select-parts.ts";
import { failureText } from "./report.ts";
import { UNORDERED } from "./statement.ts";
import { directFactory, type Perturbation } from "./subject.ts";

/** The harness must be silent about the bare driver, and must notice each way of spoiling what the driver says. */
async function harness(perturb: Perturbation | undefined, maxQueries: number) {
  const factory = directFactory(perturb);
  return await campaign({ server: newestServer(), factory, seed: 11, maxQueries, maxMs: 200_000, collations: ["C"] });
}

test("the bare driver against itself shows no difference", { timeout: 90_000 }, async () => {
  const tally = await harness(undefined, 3000);
  expect(tally.failures.map(failureText)).toEqual([]);
  expect(tally.queries).toBeGreaterThanOrEqual(3000);
});

type Row = Record<string, unknown>;

function spoilValues(spoil: (value: string) => unknown): Perturbation {
  return (rows) =>
    rows.map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([key, value]) => [key, typeof value === "string" ? spoil(value) : value]),
      ),
    );
}

const PERTURBATIONS: Readonly<Record<string, Perturbation>> = {
  "the last row is lost": (rows) => rows.slice(0, -1),
  "a row comes twice": (rows) => [...rows, ...rows.slice(0, 1)],
  "ORDER BY is turned round": (rows, sql) => (/order by/i.test(sql) ? rows.toReversed() : rows),
  "keys come in another order": (rows) => rows.map((row) => Object.fromEntries(Object.entries(row).reverse())),
  "a key is missing": (rows) => rows.map((row) => Object.fromEntries(Object.entries(row).slice(1))),
  "an empty text is null": spoilValues((value) => (value.endsWith(":") || value === "" ? null : value)),
  "numeric without trailing zeros": spoilValues((value) => value.replace(/^(1700:-?\d+\.\d*?)0+$/, "$1")),
  "int8 as int4": spoilValues((value) => value.replace(/^20:/, "23:")),
  "char(n) without its blanks": spoilValues((value) => (value.startsWith("1042:") ? value.trimEnd() : value)),
  "timestamp without fraction": spoilValues((value) => value.replace(/^(1114:.*)\.\d+$/, "$1")),
  "bool as a digit": spoilValues((value) => (value === "16:t" ? "16:1" : value)),
  "null as undefined": (rows) =>
    rows.map((row: Row) => Object.fromEntries(Object.entries(row).map(([key, value]) => [key, value ?? undefined]))),
};

test.each(Object.entries(PERTURBATIONS))("notices: %s", { timeout: 240_000 }, async (_, perturb) => {
  const tally = await harness(perturb, 20_000);
  // The batch that finds it may hold more than one statement that shows it.
  expect(tally.failures.length).toBeGreaterThan(0);
});

test("ties may come in any order, and a limit may cut them anywhere", () => {
  const full = [
    { text: "a", rank: 1 },
    { text: "b", rank: 2 },
    { text: "c", rank: 2 },
    { text: "c", rank: 2 },
    { text: "d", rank: 3 },
  ];
  expect(isLegal(["a", "c", "b", "c", "d"], full, 0, true)).toBe(true);
  expect(isLegal(["a", "c", "c"], full, 0, true)).toBe(true);
  expect(isLegal(["c", "d"], full, 3, true)).toBe(true);
  expect(isLegal(["b", "b"], full, 1, true)).toBe(false);
  expect(isLegal(["b", "a"], full, 0, true)).toBe(false);
  expect(isLegal(["d", "c"], full, 3, true)).toBe(false);
  expect(isLegal(["d", "c"], full, 0, false)).toBe(true);
  expect(isLegal(["d", "d"], full, 0, false)).toBe(false);
});

test("without an order, JSON arrays are bags; all else of the text counts", () => {
  const left = sortedArrays('{"a":"114:[{\\"k\\" : 1.50}, [2, 1], \\"x,]\\"]","b":"25:[2, 1]"}');
  expect(sortedArrays('{"a":"114:[\\"x,]\\", {\\"k\\" : 1.50}, [1, 2]]","b":"25:[2, 1]"}')).toBe(left);
  expect(sortedArrays('{"a":"114:[\\"x,]\\", {\\"k\\" : 1.5}, [1, 2]]","b":"25:[2, 1]"}')).not.toBe(left);
  expect(sortedArrays('{"a":"114:[\\"x,]\\", {\\"k\\" : 1.50}, [1, 2]]","b":"25:[1, 2]"}')).not.toBe(left);
});

test("a statement of the grammar becomes smaller in each way", () => {
  const value = (text: string) => node("literal", "value int4", text);
  const condition = node("comparison", "value bool", "(", value("1"), " = ", parameterNode(7), ")");
  const root = selectNode({
    kind: "plain",
    targets: [node("", "target", value("1")), node("", "target", value("2"))],
    from: node("table", "from", "t"),
    where: [condition],
  });
  expect(print(root)).toEqual({ sql: "SELECT 1, 2 FROM t WHERE (1 = $1)", params: [7] });
  const texts = [...smaller(root)].map((tree) => print(tree).sql);
  expect(texts).toContain("SELECT 2 FROM t WHERE (1 = $1)");
  expect(texts).toContain("SELECT 1, 2 FROM t");
  expect(texts).toContain("SELECT 1, 2 FROM t WHERE TRUE");
});

function parameterNode(value: unknown) {
  return node("parameter", "value int4", parameter(value));
}

test("the fields of a result count", async () => {
  const rows = { kind: "rows", rows: ["[1]"], arrays: true } as const;
  const statement = { sql: "", params: null, check: UNORDERED };
  const options = { mayRefuse: false, full: async () => null };
  const expected = { ...rows, anatomy: "SELECT 1 (a:0:0:23)" };
  expect(await judge(statement, expected, { ...rows, anatomy: "SELECT 1 (a:0:0:20)" }, options)).toMatchObject({
    kind: "fields",
  });
  expect(await judge(statement, expected, { ...rows, anatomy: null }, options)).toBeNull();
});

test("a difference is made small and can be replayed", { timeout: 90_000 }, async () => {
  const server = newestServer();
  const factory = directFactory(PERTURBATIONS["bool as a digit"]);
  const tally = await campaign({
    server,
    factory,
    seed: 7,
    maxQueries: 9000,
    maxMs: 60_000,
    shrinkMs: 15_000,
    collations: ["C"],
  });
  const regression = tally.failures[0]?.shrunk?.regression;
  if (regression === undefined) throw new Error("no difference was found");
  const [step] = regression.steps;
  expect(step !== undefined && "sql" in step ? step.sql.length : Number.POSITIVE_INFINITY).toBeLessThan(120);
  expect(regression.setup.join(";").length).toBeLessThan(400);
  await using database = await createDatabase(server, { collation: "C" });
  const stored = parseRegression(serializeRegression(regression));
  expect(await replay(stored, database.url, factory)).not.toEqual([]);
  expect(await replay(stored, database.url, directFactory())).toEqual([]);
});
