import { type Check, RANK_COLUMN, type Statement } from "../statement.ts";
import { isNode, listOf, type Node, node, print, walk, withList } from "./node.ts";

/** Prints the tree and works out what SQL leaves open in its answer. */
export function treeStatement(root: Node): Statement {
  const { sql, params } = print(root);
  return { sql, params: params.length === 0 ? null : params, check: checkOf(root) };
}

function checkOf(root: Node): Check {
  const looseJson = [...walk(root)].some(({ kind }) => kind === "unordered json_agg") ? { looseJson: true } : {};
  if (root.kind.startsWith("orm ")) return { ...ormCheck(root), ...looseJson };
  const [order, limit, offset] = ["order by", "limit", "offset"].map((role) => listOf(root, role));
  const ordered = (order?.length ?? 0) > 0;
  const limited = (limit?.length ?? 0) + (offset?.length ?? 0) > 0;
  const check = { ordered, limited, offset: skipped(offset?.[0]), full: null, ...looseJson };
  return ordered || limited ? { ...check, full: fullOf(root, ordered) } : check;
}

/** The shapes of mappers sort by keys only, in a page of their own at the end. */
function ormCheck(root: Node): Check {
  const body = root.parts.find(isNode) ?? root;
  const ordered = body.parts.some((part) => isNode(part) && part.sort === "page" && part.parts.length > 1);
  return { ordered, limited: false, offset: 0, full: null, ...(ordered ? { total: true } : {}) };
}

function fullOf(root: Node, ordered: boolean): Check["full"] {
  const order = listOf(root, "order by").map((item) => item.meaning ?? item);
  const open = ["limit", "offset"].reduce((tree, role) => cleared(tree, role), root);
  const rank = node("", "target", "dense_rank() OVER (ORDER BY ", { ...COMMAS, items: order }, `) AS ${RANK_COLUMN}`);
  if (root.sort === "compound") {
    const body = cleared(open, "order by");
    if (!ordered) return printed(body);
    return printed(node("", "query", "SELECT s.*, ", rank, " FROM (", body, ") AS s"));
  }
  // DISTINCT ON takes the first row of each group: its ORDER BY must stay.
  const unsorted = root.kind === "distinct on" ? open : cleared(open, "order by");
  if (!ordered) return printed(unsorted);
  return printed(withList(unsorted, "targets", (targets) => ({ ...targets, items: [...targets.items, rank] })));
}

const COMMAS = { role: "", before: "", between: ", ", after: "", atLeast: 0 };

function cleared(root: Node, role: string): Node {
  return withList(root, role, (old) => ({ ...old, items: [] }));
}

function printed(root: Node): Check["full"] {
  const { sql, params } = print(root);
  return { sql, params: params.length === 0 ? null : params };
}

function skipped(offset: Node | undefined): number | null {
  if (offset === undefined) return 0;
  const { sql, params } = print(offset);
  const text = params.length === 0 ? sql : String(params[0]);
  return /^\d+$/.test(text) ? Number(text) : null;
}
