import type { Origin } from "./dialects/dialect.ts";
import type { Runner } from "./execute/runner.ts";
import type { PlannerOrigin } from "./plan/planner.ts";

/** What the planner asks the origin for, through the parts that answer. */
export function createPlannerOrigin(origin: Origin, runner: Runner): PlannerOrigin {
  return {
    catalog: origin.catalog,
    get typeSystem() {
      return origin.typeSystem;
    },
    needsText: (type) => origin.needsText(type),
    describe: (sql) => origin.describe(sql),
    overloads: (names) => origin.overloads(names),
    createEntry: (plan, shape, description) => runner.createEntry(plan, shape, description),
  };
}
