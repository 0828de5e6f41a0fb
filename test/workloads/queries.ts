import { readFileSync } from "node:fs";

/** One statement of a workload. */
export interface WorkloadQuery {
  readonly name: string;
  readonly sql: string;
  /** Values of `$1`, `$2` …; `null`: the statement has none and is sent without. */
  readonly params: readonly string[] | null;
}

/** Whether the marked parameters of a text are written out or passed beside it. */
export type ParameterStyle = "literal" | "parameter";

/** How a marked value is written in SQL, and how a parameter in its place is. */
const FORMS: Readonly<
  Record<string, { readonly literal: (value: string) => string; readonly parameter: (n: string) => string }>
> = {
  date: { literal: (value) => `date ${quoted(value)}`, parameter: (n) => `cast(${n} as date)` },
  interval: {
    literal: (value) => value.replace(/^(\S+) (\S+)$/, "interval '$1' $2"),
    parameter: (n) => `cast(${n} as interval)`,
  },
  number: { literal: (value) => value, parameter: (n) => n },
  text: { literal: quoted, parameter: (n) => n },
};

/**
 * The statements of a file: each begins at a line `-- Name: what it is`. What is written `{date 1994-01-01}`,
 * `{interval 90 day}`, `{number 24}` or `{text MAIL}` is a parameter of the statement; one that is marked twice in the
 * same words is one parameter.
 */
export function readQueries(file: URL, style: ParameterStyle): WorkloadQuery[] {
  const [, ...parts] = readFileSync(file, "utf8").split(/^-- (?=\w+:)/m);
  return parts.map((part) => {
    const [heading = "", ...lines] = part.split("\n");
    return render(heading.slice(0, heading.indexOf(":")), lines.join("\n").trim(), style);
  });
}

function render(name: string, template: string, style: ParameterStyle): WorkloadQuery {
  const marked: string[] = [];
  const values: string[] = [];
  const sql = template.replaceAll(/\{(\w+) ([^{}]+)\}/g, (mark, kind: string, value: string) => {
    const form = FORMS[kind];
    if (form === undefined) throw new Error(`${name}: there is no form ${kind}`);
    if (style === "literal") return form.literal(value);
    if (!marked.includes(mark)) {
      marked.push(mark);
      values.push(value);
    }
    return form.parameter(`$${marked.indexOf(mark) + 1}`);
  });
  return { name, sql, params: values.length > 0 ? values : null };
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}
