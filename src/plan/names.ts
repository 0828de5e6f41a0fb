import type { Expression, Query, Target } from "../parse/ast.ts";

const UNNAMED = "?column?";

/** The name of a select list's entry: FigureColname() in src/backend/parser/parse_target.c. */
export function nameOfTarget(target: Extract<Target, { kind: "expression" }>): string {
  return target.alias ?? figure(target.expression)?.name ?? UNNAMED;
}

/** A name, and whether it is only that of a type or construct, which gives way to one from inside. */
interface Figured {
  readonly name: string;
  readonly weak: boolean;
}

function figure(expression: Expression): Figured | null {
  switch (expression.kind) {
    case "column":
      return strong(expression.path.at(-1));
    case "call":
      return strong(expression.name.at(-1));
    case "nullIf":
      return strong("nullif");
    case "coalesce":
      return strong("coalesce");
    case "extremum":
      return strong(expression.greatest ? "greatest" : "least");
    case "exists":
      return strong("exists");
    case "row":
      return strong("row");
    case "scalarQuery":
      return figureQuery(expression.query);
    case "collate":
      return figure(expression.operand);
    case "cast": {
      const inner = figure(expression.operand);
      return inner !== null && !inner.weak ? inner : weak(expression.type.name.at(-1));
    }
    case "case": {
      const inner = expression.otherwise === null ? null : figure(expression.otherwise);
      return inner !== null && !inner.weak ? inner : weak("case");
    }
    default:
      return null;
  }
}

/** The query has its names by then, so that even `?column?` is one. */
function figureQuery({ body }: Query): Figured | null {
  if (body.kind === "values") return strong("column1");
  if (body.kind === "setOperation") return figureQuery(body.left);
  const [target] = body.targets;
  return target?.kind === "expression" ? strong(nameOfTarget(target)) : null;
}

function strong(name: string | undefined): Figured | null {
  return name === undefined ? null : { name, weak: false };
}

function weak(name: string | undefined): Figured | null {
  return name === undefined ? null : { name, weak: true };
}
