import pg from "pg";
import { type Answer, errorAnswer, rowsAnswer } from "./answer.ts";
import { CELLS, type View, view } from "./canonical.ts";
import { RANK_COLUMN, type Statement } from "./statement.ts";

/** What the bare driver says, in the form that both views can be taken from. */
export interface OriginAnswer {
  in(as: View): Answer;
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
      const { rows } = await this.#query(sql, params);
      return { in: (as) => viewed(rows, as) };
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
  async full(statement: Statement, as: View): Promise<FullRow[] | null> {
    const { full } = statement.check;
    if (full === null) return null;
    try {
      const { rows } = await this.#query(full.sql, full.params);
      const ranked = rows.map((row) => {
        const { [RANK_COLUMN]: rank, ...rest } = row as { [RANK_COLUMN]?: { readonly text: string } };
        return { rest, rank: rank === undefined ? 0 : Number(rank.text) };
      });
      const answer = viewed(
        ranked.map(({ rest }) => rest),
        as,
      );
      if (answer.kind !== "rows") return null;
      const list = answer.rows.map((text, index) => ({ text, rank: ranked[index]?.rank ?? 0 }));
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

  async #query(sql: string, params: readonly unknown[] | null): Promise<pg.QueryResult> {
    return await this.#client.query({
      text: sql,
      ...(params === null ? {} : { values: [...params] }),
      types: CELLS,
    });
  }
}

/** Statements travel without waiting for the answers to those before. */
const PIPELINED: object = { pipeline: true };

/** The driver's own parsers may throw (they do for some text); the answer is that error then. */
function viewed(rows: readonly unknown[], as: View): Answer {
  try {
    return rowsAnswer(rows.map((row) => view(row, as)));
  } catch (error) {
    return errorAnswer(error);
  }
}
