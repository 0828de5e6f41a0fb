import type { CommonTable, FromItem, QualifiedName, Query } from "../parse/ast.ts";

/** The tables that a query names anywhere, entries of WITH not counted. */
export function namedTables(query: Query): readonly QualifiedName[] {
  const names = new Map<string, QualifiedName>();
  visit(query, new Set(), (name) => names.set(JSON.stringify(name), name));
  return [...names.values()];
}

/** True if a query names this table without schema, at whatever depth and whatever it means there. */
export function namesTable(query: Query, name: string): boolean {
  let found = false;
  visitTree(query, (table) => {
    found ||= table.length === 1 && table[0] === name;
  });
  return found;
}

/** True if FROM anywhere in the query names more than one table or query. */
export function hasJoin(tree: unknown): boolean {
  if (typeof tree !== "object" || tree === null) return false;
  if ("kind" in tree && tree.kind === "join") return true;
  return Object.values(tree).some(hasJoin);
}

/** True if `*` or `alias.*` stands in a select list, or a whole row as a value. */
export function hasWildcard(tree: unknown): boolean {
  if (typeof tree !== "object" || tree === null) return false;
  if ("kind" in tree && (tree.kind === "star" || tree.kind === "wholeRow")) return true;
  return Object.values(tree).some(hasWildcard);
}

type Visitor = (name: QualifiedName) => void;

/** Names mean what the entries of WITH around them say, each of which sees those before it. */
function visit(query: Query, outer: ReadonlySet<string>, visitor: Visitor): void {
  const common = new Set(outer);
  for (const entry of query.with) {
    visit(entry.query, entry.recursive ? new Set([...common, ...namesOf(query.with)]) : common, visitor);
    common.add(entry.name);
  }
  const { with: _, ...rest } = query;
  visitParts(rest, common, visitor);
}

function namesOf(entries: readonly CommonTable[]): readonly string[] {
  return entries.map(({ name }) => name);
}

function visitParts(tree: unknown, common: ReadonlySet<string>, visitor: Visitor): void {
  if (typeof tree !== "object" || tree === null) return;
  if (isTable(tree)) {
    if (tree.name.length > 1 || !common.has(tree.name[0] ?? "")) visitor(tree.name);
    return;
  }
  for (const child of Object.values(tree)) {
    if (isQuery(child)) visit(child, common, visitor);
    else visitParts(child, common, visitor);
  }
}

function visitTree(tree: unknown, visitor: Visitor): void {
  if (typeof tree !== "object" || tree === null) return;
  if (isTable(tree)) visitor(tree.name);
  else for (const child of Object.values(tree)) visitTree(child, visitor);
}

function isTable(tree: object): tree is Extract<FromItem, { kind: "table" }> {
  return "kind" in tree && tree.kind === "table";
}

function isQuery(tree: unknown): tree is Query {
  return typeof tree === "object" && tree !== null && "body" in tree && "with" in tree;
}
