import { readdirSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { registerFunctions } from "../../../src/dialects/postgres/sql-functions.ts";
import { compile } from "../../../src/plan/compile.ts";
import type { Plan } from "../../../src/plan/plan.ts";
import { physicalName } from "../../../src/store/column-set.ts";
import type { FunctionTarget } from "../../../src/store/contract.ts";
import { ITEMS, MARKS, OWNERS, PAPERS } from "./items.ts";
import { type PlanCase, readPlanFixture } from "./plan-fixture.ts";
import { plan, stored } from "./planning.ts";
import { PLAN_LINES } from "./print-plan.ts";

/** The tables with every encoding of every column: whatever a plan prints has to be legal there. */
let db: DatabaseSync;

beforeAll(() => {
  db = new DatabaseSync(":memory:");
  registerFunctions(db as unknown as FunctionTarget, new Map());
  for (const table of [ITEMS, OWNERS, MARKS, PAPERS]) {
    const columns = table.columns.flatMap(({ name }) =>
      (["value", "text", "rank", "key"] as const).map((encoding) => physicalName(name, encoding)),
    );
    db.exec(`CREATE TABLE ${table.name} (${[...new Set(columns)].map((name) => `"${name}"`).join(", ")})`);
  }
});

afterAll(() => db.close());

interface Answer {
  readonly text: string;
  readonly plan: Plan | null;
}

function answer({ sql, parameters, fields, rows, facts }: PlanCase): Answer {
  const result = plan(sql, { parameters, ...(fields !== undefined && { fields }) });
  if (result.kind === "bypass") return { text: `bypass ${result.reason}: ${result.detail}`, plan: null };
  const program = compile(result, stored(result, { facts, ...(rows !== undefined && { rows }) }));
  if (program.kind === "bypass") return { text: `bypass ${program.reason}: ${program.detail}`, plan: null };
  return { text: program.sql, plan: result };
}

const directory = new URL("../../fixtures/plan/", import.meta.url);

for (const file of readdirSync(directory).filter((name) => name.endsWith(".sql"))) {
  const name = file.replace(".sql", "");
  describe(name, () => {
    test.each(readPlanFixture(name))("line $line: $sql", (one) => {
      const { text, plan: found } = answer(one);
      expect(text).toBe(one.expected);
      if (found !== null) expect(() => db.prepare(text)).not.toThrow();
      const lines = one.also.map(([what]) => [what, found === null ? "" : PLAN_LINES[what]?.(found)]);
      expect(lines).toEqual(one.also);
    });
  });
}

test("a plan is frozen", () => {
  expect(Object.isFrozen(plan("SELECT id FROM items"))).toBe(true);
});

test("what the origin describes and the plan must agree", () => {
  expect(plan("SELECT id, name FROM items", { fields: ["id:int4"] })).toMatchObject({ reason: "describe-mismatch" });
  expect(plan("SELECT id FROM items", { fields: ["id:int8"] })).toMatchObject({ reason: "describe-mismatch" });
  expect(plan("SELECT id AS __proto__ FROM items")).toMatchObject({ reason: "generated-name" });
});

test("names that differ in case only are one name to SQLite", () => {
  const [first] = ITEMS.columns;
  if (first === undefined) throw new Error("no column");
  const table = { ...ITEMS, columns: [...ITEMS.columns, { ...first, name: "ID" }] };
  expect(plan("SELECT name FROM items", { table })).toMatchObject({ reason: "generated-name" });
});
