import pg from "pg";
import { type Answer, anatomyOf, errorAnswer, rowsAnswer } from "./answer.ts";
import { CELLS, type Cell, shown, type View, view } from "./canonical.ts";
import { RANK_COLUMN, type Statement } from "./statement.ts";

/** What the bare driver says, in the form that both views can be taken from. */
export interface OriginAnswer {
  /** @param arrays rows as arrays, not as objects */
  in(as: View, arrays?: boolean): Answer;
}

/** A row of the judging statement: its text and its place in the order. */
export interface FullRow {
  readonly text: string;
  readonly rank: number;
}

/** The bare driver on one connection. */
export class Origin {
  readonly #client: pg.Client;

  private constructor(client: pg.Client) {
    this.#client = client;
  }

  static async open(url: string, session: string): Promise<Origin> {
    const client = new pg.Client({ connectionString: url, options: session, ...PIPELINED });
    client.on("error", () => {});
    await client.connect();
    return new Origin(client);
  }

  async run(sql: string, params: readonly unknown[] | null): Promise<OriginAnswer> {
    try {
      const result = await this.#query(sql, params);
      return { in: (as, arrays = false) => viewed(result, as, arrays) };
    } catch (error) {
      const answer = errorAnswer(error);
      return { in: () => answer };
    }
  }

  /** Many statements in one round trip, each with its own outcome. */
  async runAll(statements: readonly Statement[]): Promise<OriginAnswer[]> {
    return await Promise.all(statements.map(({ sql, params }) => this.run(sql, params)));
  }

  /** All rows that the statement could give without its LIMIT, in order; `null` when the origin cannot say. */
  async full(statement: Statement, as: View, arrays: boolean): Promise<FullRow[] | null> {
    const { full, ordered } = statement.check;
    if (full === null) return null;
    try {
      const result = await this.#query(full.sql, full.params);
      const rankAt = ordered && result.fields.at(-1)?.name === RANK_COLUMN ? result.fields.length - 1 : null;
      const ranks = result.rows.map((row) => (rankAt === null ? 0 : Number(row[rankAt]?.text)));
      const shown = rankAt === null ? result : withoutColumn(result, rankAt);
      const answer = viewed(shown, as, arrays);
      if (answer.kind !== "rows") return null;
      const list = answer.rows.map((text, index) => ({ text, rank: ranks[index] ?? 0 }));
      return list.sort((a, b) => a.rank - b.rank);
    } catch {
      return null;
    }
  }

  /** Statements whose answer does not matter. */
  async change(...statements: readonly string[]): Promise<void> {
    for (const sql of statements) await this.#client.query(sql);
  }

  async close(): Promise<void> {
    await this.#client.end();
  }

  async #query(sql: string, params: readonly unknown[] | null): Promise<CellResult> {
    return await this.#client.query<Cells>({
      text: sql,
      ...(params === null ? {} : { values: [...params] }),
      types: CELLS,
      rowMode: "array",
    });
  }
}

type Cells = (Cell | null)[];
type CellResult = pg.QueryArrayResult<Cells>;

/** Statements travel without waiting for the answers to those before. */
const PIPELINED: object = { pipeline: true };

function withoutColumn(result: CellResult, index: number): CellResult {
  return {
    ...result,
    fields: result.fields.toSpliced(index, 1),
    rows: result.rows.map((row) => row.toSpliced(index, 1)),
  };
}

/** The driver's own parsers may throw (they do for some text); the answer is that error then. */
function viewed(result: CellResult, as: View, arrays: boolean): Answer {
  try {
    const names = result.fields.map(({ name }) => name);
    const rows = result.rows.map((row) => (arrays ? row.map((cell) => shown(cell, as)) : view(names, row, as)));
    return rowsAnswer({ rows, arrays, anatomy: anatomyOf(result) });
  } catch (error) {
    return errorAnswer(error);
  }
}
