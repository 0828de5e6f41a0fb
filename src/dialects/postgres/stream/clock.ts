import type pg from "pg";
import { SERVER_START } from "../attach/probe.ts";
import { textOnly } from "../text-only.ts";
import { DEFINITION_PARTS, type Definitions, definitionsObject } from "./definitions.ts";
import { positionText, readPosition } from "./position.ts";

/** What the origin says of one moment. */
export interface Reading {
  /** Where the next record of the log will be inserted: beyond everything that was committed by then. */
  readonly position: bigint;
  /** All transactions below are visible to any snapshot from then on. */
  readonly xmin: bigint;
  /** Which server it is, by when it was started. */
  readonly server: string;
}

/** What is asked of definitions at a moment. */
export interface DefinitionsQuestion {
  /** For `definitionsObject()`. */
  readonly values: readonly string[];
  /** Takes the answer, before those who asked hear of the moment. */
  answered(definitions: Definitions): Promise<void>;
}

interface ReadingRow {
  readonly position: string;
  readonly xmin: string;
  readonly server: string;
  readonly definitions?: Definitions;
}

const READING = `'position', pg_catalog.pg_current_wal_insert_lsn(),
  'xmin', pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::pg_catalog.text,
  'server', ${SERVER_START}`;

const READING_QUERY = `SELECT pg_catalog.json_build_object(${READING})::pg_catalog.text`;

/**
 * Has the log flushed up to a position: a commit that waits for the disk takes everything before it along. Nothing is
 * written if it is flushed already. Not for a standby to have it (`local`).
 */
const FLUSH_QUERY = `
SELECT CASE WHEN pg_catalog.pg_current_wal_flush_lsn() < $1::pg_catalog.pg_lsn
             AND pg_catalog.set_config('synchronous_commit', 'local', true) IS NOT NULL
            THEN pg_catalog.pg_logical_emit_message(true, 'sqlmem', '')::pg_catalog.text END`;

type Use = <Result>(action: (client: pg.Client) => Promise<Result>) => Promise<Result>;

/** Asks the origin for its moments; whoever asks before a question is sent shares its answer. */
export class Clock {
  readonly #use: Use;
  readonly #version: number;
  readonly #question: () => DefinitionsQuestion;
  #next: { definitions: boolean; readonly reading: Promise<Reading> } | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #flushing: Promise<void> | undefined;

  constructor(use: Use, version: number, question: () => DefinitionsQuestion) {
    this.#use = use;
    this.#version = version;
    this.#question = question;
  }

  /** Rejects with the origin's error. */
  read(definitions: boolean): Promise<Reading> {
    if (this.#next !== undefined) {
      this.#next.definitions ||= definitions;
      return this.#next.reading;
    }
    const reading = this.#last.then(() => {
      const withDefinitions = this.#next?.definitions === true;
      this.#next = undefined;
      return this.#ask(withDefinitions);
    });
    this.#next = { definitions, reading };
    this.#last = reading.catch(() => {});
    return reading;
  }

  async #ask(definitions: boolean): Promise<Reading> {
    const question = definitions ? this.#question() : null;
    const text = await this.#use((client) => {
      if (question === null) return textOnly(client, READING_QUERY, [], "sqlmem_moment");
      const sql = `WITH ${DEFINITION_PARTS} SELECT pg_catalog.json_build_object(${READING},
        'definitions', ${definitionsObject(this.#version)})::pg_catalog.text`;
      return textOnly(client, sql, question.values, "sqlmem_definitions");
    });
    const row = JSON.parse(text) as ReadingRow;
    const position = readPosition(row.position);
    if (position === null) throw new Error(`A position "${row.position}" of the write-ahead log`);
    if (row.definitions !== undefined) await question?.answered(row.definitions);
    return { position, xmin: BigInt(row.xmin), server: row.server };
  }

  /** Never rejects: what it could not do shows as a position that is not reached. */
  flush(position: bigint): Promise<void> {
    this.#flushing ??= this.#use((client) => textOnly(client, FLUSH_QUERY, [positionText(position)], "sqlmem_flush"))
      .then(
        () => {},
        () => {},
      )
      .finally(() => {
        this.#flushing = undefined;
      });
    return this.#flushing;
  }
}
