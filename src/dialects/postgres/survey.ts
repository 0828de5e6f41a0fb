import type { QualifiedName } from "../../parse/ast.ts";

/** What a syntax tree holds anywhere, at whatever depth, that decides what kind of statement it is. */
export interface Survey {
  /** INSERT, UPDATE, DELETE and MERGE with their target, in the order of the tree. */
  readonly modifications: readonly { readonly command: string; readonly table: QualifiedName | null }[];
  readonly selectInto: boolean;
  /** A temporary relation stands somewhere. */
  readonly temporary: boolean;
  /** `FOR UPDATE` and its weaker forms, as written. */
  readonly locks: readonly string[];
  /** Names of all functions called, without duplicates. */
  readonly functions: readonly QualifiedName[];
  /** `CURRENT_DATE` and the other functions that are keywords. */
  readonly valueFunctions: readonly string[];
  readonly constructs: ReadonlySet<Construct>;
  /** How often a table, or an entry of WITH, is named. */
  readonly tables: number;
  /** FROM names more than one table or query. */
  readonly joins: boolean;
  /** `*` or `alias.*` stands in a select list. */
  readonly wildcard: boolean;
}

type Construct = "grouping-sets";

const MODIFICATIONS: ReadonlyMap<string, string> = new Map([
  ["InsertStmt", "INSERT"],
  ["UpdateStmt", "UPDATE"],
  ["DeleteStmt", "DELETE"],
  ["MergeStmt", "MERGE"],
]);

const LOCKS: ReadonlyMap<unknown, string> = new Map([
  ["LCS_FORUPDATE", "FOR UPDATE"],
  ["LCS_FORNOKEYUPDATE", "FOR NO KEY UPDATE"],
  ["LCS_FORSHARE", "FOR SHARE"],
  ["LCS_FORKEYSHARE", "FOR KEY SHARE"],
]);

const CONSTRUCTS: ReadonlyMap<string, Construct> = new Map([
  ["GroupingSet", "grouping-sets"],
  ["GroupingFunc", "grouping-sets"],
]);

/**
 * Walks a whole tree by the names of its keys and knows no node's structure, so that nothing hides in a place that
 * nobody thought of. Keeps its own stack: a tree may be deeper than ours.
 */
export function survey(tree: unknown): Survey {
  const modifications: { command: string; table: QualifiedName | null }[] = [];
  let selectInto = false;
  let temporary = false;
  let tables = 0;
  let joins = false;
  let wildcard = false;
  const locks: string[] = [];
  const functions = new Map<string, QualifiedName>();
  const valueFunctions: string[] = [];
  const constructs = new Set<Construct>();
  const stack: unknown[] = [tree];
  while (stack.length > 0) {
    const node = stack.pop();
    if (typeof node !== "object" || node === null) continue;
    const children: unknown[] = [];
    for (const [key, value] of Object.entries(node)) {
      const command = MODIFICATIONS.get(key);
      if (command !== undefined) modifications.push({ command, table: relationName(property(value, "relation")) });
      const construct = CONSTRUCTS.get(key);
      if (construct !== undefined) constructs.add(construct);
      if (key === "RangeVar") tables++;
      if (key === "JoinExpr" || (key === "fromClause" && Array.isArray(value) && value.length > 1)) joins = true;
      if (key === "ResTarget" && isStar(property(value, "val"))) wildcard = true;
      if (key === "intoClause") selectInto = true;
      if ((key === "relpersistence" && value === "t") || (key === "schemaname" && value === "pg_temp"))
        temporary = true;
      if (key === "LockingClause") locks.push(LOCKS.get(property(value, "strength")) ?? "FOR UPDATE");
      if (key === "funcname" && Array.isArray(value)) {
        const name = stringList(value);
        functions.set(JSON.stringify(name), name);
      }
      if (key === "SQLValueFunction") valueFunctions.push(valueFunctionName(property(value, "op")));
      if (typeof value === "object" && value !== null) children.push(value);
    }
    for (const child of children.reverse()) stack.push(child);
  }
  return {
    modifications,
    selectInto,
    temporary,
    locks,
    functions: [...functions.values()],
    valueFunctions,
    constructs,
    tables,
    joins,
    wildcard,
  };
}

function isStar(node: unknown): boolean {
  const fields = property(property(node, "ColumnRef"), "fields");
  const last: unknown = Array.isArray(fields) ? fields.at(-1) : undefined;
  return property(last, "A_Star") !== undefined;
}

function valueFunctionName(operation: unknown): string {
  return String(operation)
    .replace(/^SVFOP_/, "")
    .replace(/_N$/, "");
}

/** Reads a field of a node whose type is not known. */
export function property(node: unknown, key: string): unknown {
  return typeof node === "object" && node !== null ? Reflect.get(node, key) : undefined;
}

/** The texts of a list of `String` nodes; what is not a string is left out. */
export function stringList(nodes: unknown): string[] {
  if (!Array.isArray(nodes)) return [];
  return nodes.flatMap((node) => {
    const text = property(property(node, "String"), "sval");
    return typeof text === "string" ? [text] : [];
  });
}

/** The name in a `RangeVar`, wrapped as a node or not. A database's name before it can only be the current one. */
export function relationName(node: unknown): QualifiedName | null {
  const range = property(node, "RangeVar") ?? node;
  const schema = property(range, "schemaname");
  const name = property(range, "relname");
  if (typeof name !== "string") return null;
  return typeof schema === "string" ? [schema, name] : [name];
}
