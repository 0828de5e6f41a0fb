import { createHash } from "node:crypto";

/** INSERT 4, DELETE 8, UPDATE 16, TRUNCATE 32 of `pg_trigger.tgtype` (src/include/catalog/pg_trigger.h). */
const ALL_EVENTS = 60;

/** One relation through which a table's rows can change, and how a trigger function is set on it. */
export interface FamilyMember {
  /** Id of the table asked for. */
  readonly root: string;
  readonly relation: string;
  /** As a statement names it. */
  readonly name: string;
  /** `pg_class.relkind`. */
  readonly kind: string;
  /** Events after which the function is called once a statement, and not only for some of them. */
  readonly events: number;
  /** Identifies the triggers and the function: changes with each `ALTER TABLE … DISABLE TRIGGER`, and back. */
  readonly marks: string | null;
  /** A subscription writes to it; its apply worker calls no trigger of statements. */
  readonly subscribed: boolean;
}

/**
 * The members of the families of the tables with the ids in `$1` (a JSON array), and the triggers there that call the
 * function `$2` of the schema `sqlmem`. It is found by its name alone: `to_regprocedure` raises where a role may not use
 * the schema.
 *
 * A statement fires the triggers of the table that it names, and of no partition or child whose rows it changes. So rows
 * of a table change through itself, what is below it, and what is above it. Row level, BEFORE and INSTEAD are bits 1, 2
 * and 64 of `tgtype`; `O` and `A` are enabled.
 */
export const FAMILY_TRIGGERS_QUERY: string = `
WITH RECURSIVE
wanted (root) AS (SELECT w.id::pg_catalog.oid FROM pg_catalog.json_array_elements_text($1::pg_catalog.json) AS w(id)),
below (root, oid) AS (
  SELECT root, root FROM wanted
  UNION
  SELECT b.root, i.inhrelid FROM below AS b JOIN pg_catalog.pg_inherits AS i ON i.inhparent = b.oid
),
above (root, oid) AS (
  SELECT root, root FROM wanted
  UNION
  SELECT a.root, i.inhparent FROM above AS a JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = a.oid
),
family AS (SELECT root, oid FROM below UNION SELECT root, oid FROM above)
SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object(
  'root', f.root::pg_catalog.text,
  'relation', f.oid::pg_catalog.text,
  'name', pg_catalog.format('%I.%I', n.nspname, c.relname),
  'kind', c.relkind,
  'events', COALESCE(t.events, 0),
  'marks', t.marks,
  'subscribed', EXISTS (SELECT FROM pg_catalog.pg_subscription_rel AS s WHERE s.srrelid = f.oid)
) ORDER BY f.root, f.oid), '[]')::pg_catalog.text
FROM family AS f
JOIN pg_catalog.pg_class AS c ON c.oid = f.oid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN LATERAL (
  SELECT
    pg_catalog.bit_or(tg.tgtype & ${ALL_EVENTS}) FILTER (
      WHERE tg.tgtype & 67 = 0 AND tg.tgenabled IN ('O', 'A') AND tg.tgqual IS NULL
        AND tg.tgattr::pg_catalog.text = '') AS events,
    pg_catalog.string_agg(pg_catalog.concat_ws(' ', tg.oid, tg.xmin, p.oid, p.xmin), ',' ORDER BY tg.oid) AS marks
  FROM pg_catalog.pg_trigger AS tg JOIN pg_catalog.pg_proc AS p ON p.oid = tg.tgfoid
  JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.pronamespace
  WHERE tg.tgrelid = f.oid AND pn.nspname = 'sqlmem' AND p.proname = $2 AND p.pronargs = 0
) AS t ON true`;

export function readFamilies(json: string): readonly FamilyMember[] {
  return JSON.parse(json) as readonly FamilyMember[];
}

export function hasTrigger(member: FamilyMember): boolean {
  return (member.events & ALL_EVENTS) === ALL_EVENTS;
}

/** Why writes to the member cannot be noted by triggers at all; `null` if they can. */
export function unwatchable(member: FamilyMember): string | null {
  if (member.kind === "m") return `${member.name} is a materialized view: REFRESH … CONCURRENTLY fires no trigger`;
  if (member.kind === "f") return `${member.name} is a foreign table: it changes on another server`;
  if (member.subscribed) return `${member.name} belongs to a subscription, which fires no trigger of statements`;
  return null;
}

/** Equal only if no trigger of the family was made, changed, or switched off and on in between. */
export function familyMarks(members: readonly FamilyMember[]): string {
  const texts = members.map(({ relation, marks }) => `${relation}: ${marks ?? ""}`);
  return createHash("sha256").update(texts.join("\n")).digest("base64url");
}
