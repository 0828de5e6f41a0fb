import type { Node, WindowDef } from "libpg-query";
import type { Frame, FrameBound, Window } from "../../parse/ast.ts";
import { lowerExpression, lowerList } from "./lower-expression.ts";
import { lowerOrder } from "./lower-query.ts";
import type { Lowering } from "./lowering.ts";

// Bits of frameOptions: src/include/nodes/parsenodes.h.
const NON_DEFAULT = 0x1;
const RANGE = 0x2;
const ROWS = 0x4;
const GROUPS = 0x8;
const BETWEEN = 0x10;
const EXCLUDE_CURRENT_ROW = 0x8000;
const EXCLUDE_GROUP = 0x10000;
const EXCLUDE_TIES = 0x20000;

/** Bit of the start, bit of the end, and what they say. */
const BOUNDS: readonly (readonly [start: number, end: number, kind: FrameBound["kind"]])[] = [
  [0x20, 0x40, "unbounded preceding"],
  [0x80, 0x100, "unbounded following"],
  [0x200, 0x400, "current row"],
  [0x800, 0x1000, "preceding"],
  [0x2000, 0x4000, "following"],
];

const KNOWN_BITS =
  NON_DEFAULT | RANGE | ROWS | GROUPS | BETWEEN | EXCLUDE_CURRENT_ROW | EXCLUDE_GROUP | EXCLUDE_TIES | 0x7fe0;

/** The window of a call. One that is named (`OVER w`, `OVER (w …)`) takes over what the WINDOW clause says of it. */
export function lowerWindow(node: WindowDef, lowering: Lowering): Window {
  lowering.allow(node, "a window", WINDOW_FIELDS);
  const base = node.name ?? node.refname;
  const named = base === undefined ? null : baseWindow(base, lowering);
  const orderBy = (node.orderClause ?? []).map((item) => lowerOrder(item, lowering));
  return {
    partitionBy: named === null ? lowerList(node.partitionClause, lowering) : named.partitionBy,
    orderBy: orderBy.length > 0 || named === null ? orderBy : named.orderBy,
    // `OVER w` has the frame of w, `OVER (w)` has its own
    frame: node.name === undefined || named === null ? lowerFrame(node, lowering) : named.frame,
  };
}

const WINDOW_FIELDS = [
  "name",
  "refname",
  "partitionClause",
  "orderClause",
  "frameOptions",
  "startOffset",
  "endOffset",
  "location",
];

function baseWindow(name: string, lowering: Lowering): Window | null {
  const found = lowering.windows.find((node) => "WindowDef" in node && node.WindowDef.name === name);
  if (found === undefined || !("WindowDef" in found)) {
    lowering.refuse("window-function", `the window ${name}`);
    return null;
  }
  // its name is what it is called here, not a window that it builds on
  const { name: _, ...definition } = found.WindowDef;
  return lowering.descend(() => lowerWindow(definition, lowering), null);
}

function lowerFrame(node: WindowDef, lowering: Lowering): Frame | null {
  const options = node.frameOptions ?? 0;
  if ((options & NON_DEFAULT) === 0) return null;
  const start = bound(options, 0, node.startOffset, lowering);
  const end = bound(options, 1, node.endOffset, lowering);
  if ((options & ~KNOWN_BITS) !== 0 || start === null || end === null) {
    lowering.refuse("window-function", "a frame of an unknown kind");
    return null;
  }
  const unit = (options & ROWS) !== 0 ? "rows" : (options & GROUPS) !== 0 ? "groups" : "range";
  return { unit, start, end, exclude: exclusion(options) };
}

function exclusion(options: number): Frame["exclude"] {
  if ((options & EXCLUDE_CURRENT_ROW) !== 0) return "current row";
  if ((options & EXCLUDE_GROUP) !== 0) return "group";
  return (options & EXCLUDE_TIES) !== 0 ? "ties" : null;
}

function bound(options: number, side: 0 | 1, offset: Node | undefined, lowering: Lowering): FrameBound | null {
  const found = BOUNDS.find((each) => (options & each[side]) !== 0);
  if (found === undefined) return null;
  const [, , kind] = found;
  return kind === "preceding" || kind === "following" ? { kind, offset: lowerExpression(offset, lowering) } : { kind };
}
