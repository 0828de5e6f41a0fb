import pg from "pg";
import { type RecordedStatement, recordValue } from "./statements.ts";

/** Notes each distinct statement that a `pg.Client` is asked for, from the moment it is made. */
export class Recorder {
  /** The action that runs now. */
  from = "connect";
  readonly #statements = new Map<string, RecordedStatement>();
  readonly #inTransaction = new WeakSet<object>();

  constructor() {
    const recorder = this;
    const original: (...args: unknown[]) => unknown = pg.Client.prototype.query;
    Reflect.set(pg.Client.prototype, "query", function (this: object, ...args: unknown[]): unknown {
      recorder.#note(this, args);
      return original.apply(this, args);
    });
  }

  get statements(): readonly RecordedStatement[] {
    return [...this.#statements.values()];
  }

  #note(client: object, [first, second]: readonly unknown[]): void {
    const config = typeof first === "string" ? { text: first } : (first as QueryLike);
    const streamed = typeof config.submit === "function" && !(first instanceof pg.Query);
    const text = config.text ?? config.cursor?.text;
    if (text === undefined) throw new Error("a query without text");
    const values = config.values ?? config.cursor?.values ?? (Array.isArray(second) ? second : undefined);
    const kind = kindOf(text);
    const inTransaction = this.#inTransaction.has(client);
    const statement: RecordedStatement = {
      text,
      ...(values === undefined || values === null ? {} : { values: values.map(recordValue) }),
      ...(config.rowMode === "array" ? { rowMode: "array" } : {}),
      ...(config.types === undefined ? {} : { types: true }),
      ...(streamed ? { streamed: true } : {}),
      inTransaction,
      kind,
      from: this.from,
    };
    const key = JSON.stringify([text, config.rowMode, config.types !== undefined, streamed, inTransaction]);
    if (!this.#statements.has(key)) this.#statements.set(key, statement);
    if (/^\s*(begin|start transaction)\b/i.test(text)) this.#inTransaction.add(client);
    else if (/^\s*(commit|end|abort|rollback(?! to))\b/i.test(text)) this.#inTransaction.delete(client);
  }
}

interface QueryLike {
  readonly text?: string;
  readonly values?: readonly unknown[] | null;
  readonly rowMode?: string;
  readonly types?: unknown;
  readonly submit?: unknown;
  /** Of a `pg-query-stream`. */
  readonly cursor?: { readonly text: string; readonly values?: readonly unknown[] | null };
}

/** Enough for the programs here: the recorded files are read by people before they are committed. */
function kindOf(text: string): RecordedStatement["kind"] {
  if (/\bfor (no key )?(update|share)\b|\bfor key share\b/i.test(text)) return "write";
  if (/^[\s(]*(select|values|table)\b/i.test(text)) return "read";
  if (/^[\s(]*with\b/i.test(text))
    return /\b(insert into|update "?\w+"? set|delete from)\b/i.test(text) ? "write" : "read";
  return /^\s*(insert|update|delete|merge|truncate|create|drop|alter)\b/i.test(text) ? "write" : "control";
}
