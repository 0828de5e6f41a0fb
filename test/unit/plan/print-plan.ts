import type { PlannedTable } from "../../../src/plan/analysis.ts";
import type { Plan } from "../../../src/plan/plan.ts";
import type { Binding, Input, Output, PatternSyntax, Source } from "../../../src/plan/term.ts";
import { physicalName } from "../../../src/store/column-set.ts";

/** What fixtures may ask about a plan besides its text, each in one line. */
export const PLAN_LINES: Readonly<Record<string, (plan: Plan) => string>> = {
  tables: ({ tables }) => tables.map(({ table }) => table.name).join(", "),
  columns: ({ tables }) =>
    perTable(tables, ({ columns }) => columns.map(({ column, encoding }) => physicalName(column, encoding)).sort()),
  dictionaries: ({ tables }) => perTable(tables, ({ dictionaries }) => dictionaries),
  indexes: ({ indexes }) => indexes.map(({ table, columns }) => `${table.name}(${columns.join(", ")})`).join(" "),
  inputs: (plan) => plan.inputs.map((input, index) => `?${index + 1} ${printInput(input)}`).join(", "),
  outputs: (plan) => plan.results.map(({ output }) => printOutput(output)).join(", "),
  names: (plan) => plan.results.map(({ name }) => name).join(", "),
  resources: (plan) => plan.resources.join(", "),
  pinned: (plan) => plan.pinned.join(", "),
};

/** A list for the only table, or one for each: `items(id, name) owners(mail)`. */
function perTable(tables: readonly PlannedTable[], list: (planned: PlannedTable) => readonly string[]): string {
  const lists = tables.map((planned) => ({ name: planned.table.name, text: list(planned).join(", ") }));
  const [only, ...more] = lists;
  if (only !== undefined && more.length === 0) return only.text;
  return lists.map(({ name, text }) => `${name}(${text})`).join(" ");
}

/** `$1 as integer`; of a literal its slot, `#0`, with the sign that stood before it. */
function printInput({ source, binding }: Input): string {
  return `${printSource(source)} ${printBinding(binding)}`;
}

function printSource(source: Source): string {
  if (source.from === "joined") return source.parts.map(printSource).join(" || ");
  return source.from === "parameter" ? `$${source.index + 1}` : `${source.negated ? "-" : ""}#${source.slot}`;
}

function printSyntax(pattern: PatternSyntax): string {
  const folded = pattern.fold ? "folded " : "";
  if (pattern.syntax === "regex") return `${folded}glob of a regular expression`;
  return `${folded}glob${pattern.escape === "\\" ? "" : ` escaped by '${pattern.escape}'`}`;
}

function printBinding(binding: Binding): string {
  switch (binding.kind) {
    case "value":
      return `as ${binding.type.name}`;
    case "scaled":
      return `times 10^${binding.scale}${binding.integer === null ? "" : ` of ${binding.integer.name}`}`;
    case "key":
      return "as key";
    case "ordinal":
      return `as ordinal of ${binding.type.name}`;
    case "position":
      return `${binding.through ? "through" : "before"} in ${binding.column.column.name}`;
    case "bounded":
      return `as ${binding.type.name} from ${binding.low} to ${binding.high}`;
    case "glob":
      return `as ${printSyntax(binding.pattern)}`;
    case "rowCount":
      return `as row count or ${binding.ifNull}`;
    case "array":
      return `each ${printBinding(binding.element)}`;
  }
}

function printOutput(output: Output): string {
  switch (output.kind) {
    case "scaled":
      return `scaled ${output.scale}`;
    case "position":
      return `position in ${output.column.column.name} as ${output.type.name}`;
    default:
      return `${output.kind} ${output.type.name}`;
  }
}
