import type { SortAnswer, SortQuestion } from "../../../store/contract.ts";
import type { DictionaryCodec } from "../load-column.ts";

/**
 * How texts of a column sort under its type and collation: for each question the number of its candidates before its
 * text, and the order of the texts, in one round trip.
 */
export async function sortTexts(
  ask: (sql: string, values: readonly unknown[]) => Promise<string>,
  codec: DictionaryCodec,
  questions: readonly SortQuestion[],
): Promise<SortAnswer> {
  if (questions.length === 0) return { before: [], order: [] };
  const as = `::pg_catalog.${codec.as === "char" ? "bpchar" : "text"}${codec.collate}`;
  const sql = `
WITH question AS MATERIALIZED (
  SELECT q.position, (q.value ->> 'text')${as} AS text, q.value -> 'candidates' AS candidates
  FROM pg_catalog.json_array_elements($1::pg_catalog.json) WITH ORDINALITY AS q(value, position)
)
SELECT pg_catalog.json_build_object(
  'before', pg_catalog.json_agg((
    SELECT pg_catalog.count(*) FROM pg_catalog.json_array_elements_text(q.candidates) AS c(value)
    WHERE c.value${as} < q.text
  ) ORDER BY q.position),
  'order', pg_catalog.json_agg(q.position - 1 ORDER BY q.text, q.position)
)::pg_catalog.text
FROM question AS q`;
  return JSON.parse(await ask(sql, [JSON.stringify(questions)])) as SortAnswer;
}
