import type { Catalog, Column, ColumnType, Table, TypeSystem } from "../catalog.ts";
import type { RowFormat } from "../encode/client-encoder.ts";
import type { ValueBinders } from "../execute/bind.ts";
import type { ChangeSource, ChangeSourceKind } from "../freshness/change-source.ts";
import type { QualifiedName } from "../parse/ast.ts";
import type { Statement } from "../parse/statement.ts";
import type { Token } from "../parse/token.ts";
import type { Decision } from "../plan/planner.ts";
import type { Prepared } from "../plan/prepared.ts";
import type { Output } from "../plan/term.ts";
import type { Encoding } from "../store/column-set.ts";
import type {
  LoadColumn,
  LoadSink,
  OriginIdentity,
  Snapshot,
  StoreApi,
  StoreOptions,
  StoreValue,
} from "../store/contract.ts";

/** What the origin says of a statement without running it. */
export interface Description {
  /** Type ids of `$1`, `$2` … as the origin resolved them. */
  readonly parameterTypes: readonly number[];
  readonly fields: readonly FieldDescription[];
}

export interface FieldDescription {
  readonly name: string;
  readonly typeId: number;
  readonly typeModifier: number;
  /** The column as the driver describes it in its results; frozen. */
  readonly native?: object;
}

/** One table of a load, as the loader asks for it. */
export interface OriginLoadTable {
  readonly table: Table;
  readonly columns: readonly { readonly column: Column; readonly encoding: Encoding }[];
  /** Text columns whose distinct values are streamed first, in the origin's order. */
  readonly dictionaries: readonly Column[];
}

/** Settings of the caller's session that decide what text the origin sends. */
export interface SessionSettings {
  readonly timeZone: string;
  readonly dateStyle: string;
  /** Above 0 floats are sent with the fewest digits that read back as the same value. */
  readonly extraFloatDigits: number;
  /** A setting under which the same text means another statement (`name=value`); nothing is planned then. */
  readonly unreadable: string | null;
  /** All settings that change stored text, canonically joined: part of `OriginIdentity`. */
  readonly fingerprint: string;
}

export interface ChangeSourceOptions {
  readonly kind: ChangeSourceKind;
  /** How late a change of others may be seen, in milliseconds. */
  readonly maxLagMs: number;
  /** A publication that an administrator has made; `null`: SQLmem makes one of its own. For `stream`. */
  readonly publication: string | null;
  readonly openFeed: StoreApi["openFeed"];
  /** Called with a fault that fails no caller. */
  readonly onFault: (error: Error) => void;
}

/** What a write may change beyond the tables that it names: cascades, triggers, rules, partitions, inheritance. */
export type WriteReach = readonly string[] | "all";

/** What a statement makes wrong once the origin has carried it out. */
export interface Effect {
  /** Ids of the tables whose rows it may have changed. */
  readonly tables: WriteReach;
  /** What names mean may have changed, too. */
  readonly definitions: boolean;
  /** The session that it ran in may have other settings, or temporary tables. */
  readonly session: boolean;
}

export const NO_EFFECT: Effect = Object.freeze({ tables: [], definitions: false, session: false });
export const FULL_EFFECT: Effect = Object.freeze({ tables: "all", definitions: true, session: true });

/**
 * The cache as the attached clients of a driver see it. Everything answers at once and nothing throws: what is not known
 * yet is found out behind the call, and the origin answers meanwhile.
 */
export interface ClientCache {
  /** True while an answer of the cache is one of the origin's: it has started, and no write is being looked into. */
  readonly serving: boolean;
  /** What is known of a text. */
  recall(sql: string): Decision | undefined;
  /** True if the rows that a plan needs are here, and fresh: the first thing to ask, so that a miss costs nothing more. */
  holds(prepared: Prepared): boolean;
  /** The rows, or `null` if anything else stands in the way. `prepared` is what `recall` gave, and held. */
  rows(prepared: Prepared, params: readonly unknown[], format: RowFormat): unknown[] | null;
  /** The origin has answered a statement that has a plan, in so many milliseconds: fetches what was missing. */
  missed(prepared: Prepared, params: readonly unknown[], milliseconds: number): void;
  /** The origin answers another statement: for the counters. */
  passed(decision: Decision): void;
  /** Finds out what a text is, and fetches what it needs. */
  learn(sql: string, params: readonly unknown[]): void;
  /** What a text makes wrong when it is carried out by a session that reads names as the engine's own do, or does not. */
  effectOf(sql: string, namesAsOurs: boolean): Effect | Promise<Effect>;
  /** A statement with this effect was carried out for all to see. */
  apply(effect: Effect | Promise<Effect>): void;
}

/** Live pools and clients of a driver that are answered from the cache. */
export interface Attachments {
  /** @throws OptionsError for what cannot be attached */
  attach(target: object): void;
  detach(target: object): void;
  close(): void;
}

/** An open origin: the user's pool plus the connections that SQLmem opens itself with the same options. */
export interface Origin {
  /** Resolves once who the origin is and how its sessions are set is known. Rejects with the origin's error. */
  ready(): Promise<{ readonly identity: OriginIdentity; readonly settings: SessionSettings }>;
  readonly catalog: Catalog;
  /** Forgets what the catalog said of these tables (ids), or of all. */
  forgetCatalog(ids?: readonly string[]): void;
  /** Parses and describes on the origin, running nothing. Rejects with the origin's error for a wrong statement. */
  describe(sql: string): Promise<Description>;
  /** The statement as the user's own driver would run it; resolves to its rows, rejects with its error, unchanged. */
  query(sql: string, params: readonly unknown[] | undefined): Promise<unknown[]>;
  /** How a physical column of the store is filled. */
  loadColumn(column: Column, encoding: Encoding, dictionaries: readonly string[]): LoadColumn;
  /** URL of the module that decodes the bulk format in the store worker. */
  readonly decoder: string;
  dictionaryCodec(column: Column): unknown;
  /**
   * Streams the tables into the sink at one consistent snapshot. Resolves to `changed` if a definition is no longer
   * the one that `table.fingerprint` names: nothing is left of what was written then.
   *
   * `accepts` is asked first, inside of the transaction; until it says yes, the snapshot is taken anew.
   */
  load(
    tables: readonly OriginLoadTable[],
    sink: () => Promise<LoadSink>,
    accepts?: (snapshot: Snapshot) => Promise<boolean>,
  ): Promise<"streamed" | "changed">;
  /** One way of learning of changes; nothing is connected before its `start`. */
  changeSource(options: ChangeSourceOptions): ChangeSource;
  /** True if the origin answered with this error of the statement: it is there, and other statements may do better. */
  isStatementError(error: unknown): boolean;
  /** For each candidate whether it sorts before `value` under the column's collation, asked in one round trip. */
  sortsBefore(column: Column, candidates: readonly string[], value: string): Promise<readonly boolean[]>;
  /** Those of the functions that may be a user's own, though a built-in one has the name, too. */
  overloads(names: readonly QualifiedName[]): Promise<readonly string[]>;
  /** Something that functions of plans look up (`Plan.resources`), read from the origin; structured-cloneable. */
  loadResource(key: string): Promise<unknown>;
  /** Ids of a table and of its partitions, parents and children, whose rows are partly the same. */
  family(name: QualifiedName): Promise<readonly string[]>;
  /**
   * Ids of all tables that a write to `names` may change. The answer may be one that was asked for before, unless that was
   * earlier than `askedSince` (`performance.now()`).
   */
  writeReach(names: readonly QualifiedName[], askedSince?: number): Promise<WriteReach>;
  /**
   * True if any of these functions may write: a volatile one that is not the database's own. `anywhere`: a name without
   * schema may mean one of any schema.
   */
  functionsMayWrite(names: readonly QualifiedName[], anywhere?: boolean): Promise<boolean>;
  /** Types, as the planner reasons about them; known once `ready()` has resolved. */
  readonly typeSystem: TypeSystem;
  /** Which spellings of values are canonical. */
  readonly binders: ValueBinders;
  /** True for types whose wire text cannot be rebuilt from the stored value and has to be stored beside it. */
  needsText(type: ColumnType): boolean;
  /** The text that the origin would send for a value in the store. */
  wireText(output: Output): (value: Exclude<StoreValue, null>) => string;
  /** How the user's driver turns wire text of a type into a value. */
  readonly types: TypeParsers;
  /** Has `cache` answer the clients that are attached; to be called once. */
  attachments(cache: ClientCache): Attachments;
  close(): Promise<void>;
}

export interface TypeParsers {
  parser(typeId: number): (text: string) => unknown;
  /**
   * What the driver's parser is known to do, when it is still the driver's own: lets the encoder skip the text.
   * `text` returns its argument, `integer`/`float` a number, `boolean` a boolean, `localDate`/`instant` a Date from a
   * date or timestamp without / with time zone, `json` JSON.parse; `null`: unknown, always go through the text.
   */
  known(typeId: number): "text" | "integer" | "float" | "boolean" | "localTime" | "instant" | "json" | null;
  /** The same for a parser that someone brings along for the type. */
  behaviour(typeId: number, parser: (text: string) => unknown): ReturnType<TypeParsers["known"]>;
}

/** A database that SQLmem can stand in front of. */
export interface Dialect {
  readonly name: string;
  /** Loads the parser (WASM); everything below may be called afterwards. */
  ready(): Promise<void>;
  /** Tokens of a text, or `null` if the tokenizer is not sure; literals become slots (see `parse/fingerprint.ts`). */
  tokenize(sql: string): readonly Token[] | null;
  /** A table's name as a person writes it, folded as the origin folds it; `null` if it is none. */
  tableName(text: string): QualifiedName | null;
  /** The functions that plans call in SQLite. */
  readonly functions: StoreOptions["functions"];
  /** Reads one text; `tokens` are its tokens, which number the literal slots. */
  parse(sql: string, tokens: readonly Token[]): Statement;
}
