import type { BypassReason } from "../outcome.ts";
import type { QualifiedName, Query } from "./ast.ts";

/**
 * What one text is, decided on the dialect's syntax tree alone.
 *
 * - `query`: a pure read inside the language of `ast.ts`.
 * - `read`: reads only, but outside of that language; `reason` and `detail` say why.
 * - `write`: changes rows, schema, locks or server state.
 * - `session`: changes or asks for the state of one connection (BEGIN, SET, LISTEN, PREPARE …).
 * - `unparsable`: the dialect's grammar rejects it, or it is empty; the origin's own error is the answer. Should the
 *   origin accept it after all (another version, a fork), it may have done anything: count it as a write of all.
 */
export type Statement =
  | {
      readonly kind: "query";
      readonly query: Query;
      /** Every function that the text calls. */
      readonly functions: readonly QualifiedName[];
      /**
       * Literal slots whose *value* shaped the tree: type modifiers, positions in ORDER BY and GROUP BY, constants that
       * the origin compares with one another. Their values belong to the key of a plan; ascending, no duplicates.
       */
      readonly pinned: readonly number[];
    }
  | {
      readonly kind: "read";
      readonly reason: BypassReason;
      readonly detail: string;
      readonly functions: readonly QualifiedName[];
      /** `FROM` of a SELECT in it names more than one table or query. */
      readonly joins: boolean;
      /** `*` or `alias.*` stands in a select list of it. */
      readonly wildcard: boolean;
    }
  | {
      readonly kind: "write";
      /** The SQL command, as a person would name it: `INSERT`, `SELECT … FOR UPDATE`, `CREATE TABLE`, `nextval()`. */
      readonly command: string;
      /** What it may change. `all` when the tree does not tell (DDL, CALL, DO …); empty for a lock or a sequence. */
      readonly changes: readonly QualifiedName[] | "all";
      /** It leaves a temporary relation or another setting behind in its session. */
      readonly changesSession: boolean;
      readonly functions: readonly QualifiedName[];
    }
  | { readonly kind: "session"; readonly command: string }
  | { readonly kind: "unparsable"; readonly message: string };
