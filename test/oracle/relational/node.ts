/**
 * The tree of the relational generator. A node knows its own text: pieces, operands and lists in the order of printing.
 * So printing, shrinking and counting need no knowledge of the single constructs, and a new construct is one function.
 */
export interface Node {
  /** The feature that it counts as; "" is not counted. */
  readonly kind: string;
  /** What may stand in its place: a descendant of the same sort is tried when a failure is made small. */
  readonly sort: string;
  readonly parts: readonly Part[];
  /** Of a sort item that is a position or an output's name: the expression that it means. */
  readonly meaning?: Node;
}

/** A comma list, a chain of AND, or (one item at most) an optional clause. Nothing is printed of an empty list. */
export interface List {
  readonly role: string;
  readonly before: string;
  readonly between: string;
  readonly after: string;
  readonly items: readonly Node[];
  /** So many must stay. */
  readonly atLeast: number;
}

/** A value that travels beside the text. */
export interface Parameter {
  readonly value: unknown;
}

export type Part = string | Node | List | Parameter;

export function node(kind: string, sort: string, ...parts: readonly Part[]): Node {
  return { kind, sort, parts };
}

/** Items with commas between. */
export function list(items: readonly Node[], atLeast = 1, role = ""): List {
  return { role, before: "", between: ", ", after: "", items, atLeast };
}

/** A clause that may be left out, such as ` WHERE ` and its condition. */
export function clause(role: string, before: string, items: readonly Node[], between = ", ", after = ""): List {
  return { role, before, between, after, items, atLeast: 0 };
}

export function parameter(value: unknown): Parameter {
  return { value };
}

export function isNode(part: Part): part is Node {
  return typeof part === "object" && "parts" in part;
}

function isList(part: Part): part is List {
  return typeof part === "object" && "items" in part;
}

export interface Printed {
  readonly sql: string;
  readonly params: readonly unknown[];
}

/** The text of the tree; parameters are numbered in the order of appearance. */
export function print(root: Node): Printed {
  const params: unknown[] = [];
  const numbers = new Map<Parameter, number>();
  const texts: string[] = [];
  const add = (part: Part): void => {
    if (typeof part === "string") texts.push(part);
    else if (isNode(part)) part.parts.forEach(add);
    else if (isList(part)) {
      if (part.items.length === 0) return;
      texts.push(part.before);
      part.items.forEach((item, index) => {
        if (index > 0) texts.push(part.between);
        add(item);
      });
      texts.push(part.after);
    } else {
      let number = numbers.get(part);
      if (number === undefined) {
        params.push(part.value);
        number = params.length;
        numbers.set(part, number);
      }
      texts.push(`$${number}`);
    }
  };
  add(root);
  return { sql: texts.join(""), params };
}

export function* walk(root: Node): Generator<Node> {
  yield root;
  for (const part of root.parts) {
    if (typeof part === "string") continue;
    if (isNode(part)) yield* walk(part);
    else if (isList(part)) for (const item of part.items) yield* walk(item);
  }
}

/** The tree with one list of `root` itself replaced. */
export function withList(root: Node, role: string, change: (old: List) => List): Node {
  return {
    ...root,
    parts: root.parts.map((part) => (isList(part) && part.role === role ? change(part) : part)),
  };
}

export function listOf(root: Node, role: string): readonly Node[] {
  return root.parts.flatMap((part) => (isList(part) && part.role === role ? part.items : []));
}

/** Trees that are a little smaller, the boldest cuts first. Many are not valid SQL: then both sides raise the same. */
export function* smaller(root: Node): Generator<Node> {
  yield* nearest(root, root.sort);
  for (const [index, part] of root.parts.entries()) {
    if (!isList(part)) continue;
    const keep = (items: readonly Node[]): Node => ({ ...root, parts: root.parts.with(index, { ...part, items }) });
    if (part.atLeast === 0 && part.items.length > 0) yield keep([]);
    if (part.items.length > Math.max(1, part.atLeast)) {
      for (let at = 0; at < part.items.length; at++) yield keep(part.items.toSpliced(at, 1));
    }
  }
  const bare = bareValue(root);
  if (bare !== null) yield bare;
  for (const [index, part] of root.parts.entries()) {
    if (typeof part === "string") continue;
    if (isNode(part)) {
      for (const less of smaller(part)) yield { ...root, parts: root.parts.with(index, less) };
    } else if (isList(part)) {
      for (const [at, item] of part.items.entries()) {
        for (const less of smaller(item)) {
          yield { ...root, parts: root.parts.with(index, { ...part, items: part.items.with(at, less) }) };
        }
      }
    }
  }
}

/** The descendants of the sort that have none between themselves and the root. */
function* nearest(root: Node, sort: string): Generator<Node> {
  for (const part of root.parts) {
    if (typeof part === "string") continue;
    for (const child of isNode(part) ? [part] : isList(part) ? part.items : []) {
      if (child.sort === sort) yield child;
      else yield* nearest(child, sort);
    }
  }
}

function bareValue(root: Node): Node | null {
  if (root.kind === "bare" || root.parts.length <= 1) return null;
  if (root.sort === "value bool") return node("bare", root.sort, "TRUE");
  if (root.sort.startsWith("value ")) return node("bare", root.sort, "NULL");
  return null;
}

/** The features that the tree holds, each once. */
export function featuresOf(root: Node): string[] {
  const names = new Set<string>();
  for (const { kind } of walk(root)) if (kind !== "" && kind !== "bare") names.add(kind);
  return [...names];
}
