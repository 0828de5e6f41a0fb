import type pg from "pg";
import { type Bypass, bypass } from "../../../outcome.ts";
import type { WatchedTable } from "../../../store/contract.ts";
import type { OriginLoadTable, SessionSettings } from "../../dialect.ts";
import { textOnly } from "../text-only.ts";
import type { DefinitionsQuestion } from "./clock.ts";
import {
  DEFINITION_PARTS,
  type DefinitionParts,
  type Definitions,
  definitionParts,
  definitionsObject,
  definitionValues,
} from "./definitions.ts";
import { addTables, forgetsNewTables, keepTables, touchPublication } from "./publication.ts";
import { type MemberRow, type Relations, readRelations } from "./relations.ts";
import { listedMembers, sqlName, unpublished, unwatchable, watchedTable } from "./watchable.ts";
import { writersGone } from "./writer-barrier.ts";

/** After this a table that could not be taken out of the publication is tried again. */
const RETRY_MS = 1000;

type Use = <Result>(action: (client: pg.Client) => Promise<Result>) => Promise<Result>;

export interface WatchListParts {
  readonly use: Use;
  readonly version: number;
  readonly settings: SessionSettings;
  readonly publication: string;
  /** The publication is SQLmem's own. */
  readonly managed: boolean;
  /** The names that the catalog knows a table by. */
  readonly namesOf: (id: string) => readonly string[];
  readonly redefined: (ids: readonly string[], why: string) => void;
  /** Nothing can be followed any more. */
  readonly lost: (error: Error) => void;
  readonly onFault: (error: Error) => void;
}

/** A table whose changes are followed. */
export interface Watched {
  readonly id: string;
  readonly parts: DefinitionParts;
  /** `Definitions.tables` of it when the watch began. */
  readonly sum: string;
  /** What is in the publication on its account. */
  readonly listed: readonly string[];
  /** Columns that loads have asked for. */
  readonly columns: Set<string>;
  /** All who wrote before it was published have ended. */
  settled: boolean;
  /** Loads that are under way, and whether one has succeeded. */
  pending: number;
  loaded: boolean;
}

/** What a watch has found of its tables. */
export interface Found {
  readonly entries: readonly Watched[];
  readonly tables: ReadonlyMap<string, WatchedTable>;
}

/** The tables that one stream follows: what is published, and whether definitions are still what they were. */
export class WatchList {
  readonly #parts: WatchListParts;
  readonly #entries = new Map<string, Watched>();
  /** `Definitions.publication` as it was last found good; `undefined` before it was looked at. */
  #publication: string | null | undefined;
  /** Changes of the publication, one after the other: two at once fail with "tuple concurrently updated". */
  #last: Promise<unknown> = Promise.resolve();
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(parts: WatchListParts) {
    this.#parts = parts;
  }

  /** Has the tables published and their earlier writers gone. Each entry counts one load more under way. */
  async add(tables: readonly OriginLoadTable[]): Promise<Found | Bypass> {
    const found = await this.#serial(() => this.#publish(tables));
    if ("kind" in found) return found;
    let passed = false;
    try {
      const blocked = await this.#settle(
        found.entries,
        [...found.tables.values()].flatMap(({ relations }) => relations),
      );
      if (blocked !== null) return blocked;
      passed = true;
      return found;
    } finally {
      if (!passed) this.loaded(found.entries, false);
    }
  }

  async #publish(tables: readonly OriginLoadTable[]): Promise<Found | Bypass> {
    const { version, publication, managed, settings } = this.#parts;
    const ids = tables.map(({ table }) => table.id);
    if (managed) {
      const added = await this.#parts.use(async (client) => {
        const relations = await readRelations(client, version, ids, publication);
        const refused = this.#refusal(tables, relations, false);
        if (refused !== null) return refused;
        const missing = new Map<string, MemberRow>();
        for (const id of ids) {
          for (const member of listedMembers(membersOf(relations, id), id)) {
            if (!member.listed) missing.set(member.id, member);
          }
        }
        return await addOrSay(client, publication, [...missing.values()]);
      });
      if (added !== null) return added;
    }
    // What was found before the tables were published may have changed until then.
    const { relations, definitions } = await this.#read(ids);
    const refused = this.#refusal(tables, relations, true);
    if (refused !== null) {
      this.#takeOut();
      return refused;
    }
    this.#publication = definitions.publication;
    const entries = tables.map(({ table, columns }) => {
      const entry = this.#entry(table.id, relations, definitions);
      for (const { column } of columns) entry.columns.add(column.name);
      entry.pending++;
      return entry;
    });
    const watched = tables.map((load) => {
      const members = membersOf(relations, load.table.id);
      return [load.table.id, watchedTable(load, members, settings)] as const;
    });
    return { entries, tables: new Map(watched) };
  }

  #entry(id: string, relations: Relations, definitions: Definitions): Watched {
    const sum = definitions.tables?.[id] ?? "";
    const known = this.#entries.get(id);
    if (known !== undefined && known.sum === sum) return known;
    // Rows that are in the cache already are of the former definition.
    if (known !== undefined) this.#parts.redefined([id], "its definition has changed");
    const entry: Watched = {
      id,
      parts: definitionParts(id, relations),
      sum,
      listed: listedMembers(membersOf(relations, id), id).map((member) => member.id),
      columns: new Set(),
      settled: false,
      pending: 0,
      loaded: false,
    };
    this.#entries.set(id, entry);
    return entry;
  }

  /** @param published what was to be published must be by now */
  #refusal(tables: readonly OriginLoadTable[], relations: Relations, published: boolean): Bypass | null {
    for (const { table, columns } of tables) {
      const members = membersOf(relations, table.id);
      const refused = unwatchable(table.id, members);
      if (refused !== null) return refused;
      if (!published) continue;
      const names = columns.map(({ column }) => column.name);
      const missing = unpublished(this.#parts.publication, relations, table.id, members, names);
      if (missing !== null) return missing;
    }
    return null;
  }

  async #settle(entries: readonly Watched[], relations: readonly string[]): Promise<Bypass | null> {
    const { use, version, publication, managed } = this.#parts;
    if (entries.every(({ settled }) => settled) || relations.length === 0) return null;
    const parents = entries.flatMap(({ parts }) => parts.members);
    const all = [...new Set([...relations, ...parents])];
    let barrier = await writersGone(use, all);
    if (barrier.kind === "passed" && barrier.waited && managed && forgetsNewTables(version)) {
      await this.#serial(() => use((client) => touchPublication(client, publication)));
      barrier = await writersGone(use, all);
    }
    if (barrier.kind === "blocked") return bypass("not-watched", barrier.detail);
    for (const entry of entries) entry.settled = true;
    return null;
  }

  /** A load has ended. False if definitions have changed since it began: what it loaded must go. */
  loaded(entries: readonly Watched[], successfully: boolean): readonly string[] {
    const outdated: string[] = [];
    for (const entry of entries) {
      entry.pending--;
      if (this.#entries.get(entry.id) !== entry) outdated.push(entry.id);
      else if (successfully) entry.loaded = true;
      else this.#forgetIdle(entry);
    }
    return outdated;
  }

  remove(ids: readonly string[]): void {
    for (const id of ids) {
      const entry = this.#entries.get(id);
      if (entry === undefined) continue;
      entry.loaded = false;
      this.#forgetIdle(entry);
    }
  }

  #forgetIdle(entry: Watched): void {
    if (entry.pending > 0 || entry.loaded) return;
    this.#entries.delete(entry.id);
    this.#takeOut();
  }

  /** What is to be asked of the definitions of all tables now. */
  question(): DefinitionsQuestion {
    const asked = [...this.#entries.values()];
    const names = asked.flatMap(({ id }) => this.#parts.namesOf(id).map((text) => ({ id, text })));
    return {
      values: definitionValues(
        asked.map(({ parts }) => parts),
        this.#parts.publication,
        names,
      ),
      answered: (definitions) => this.#compare(asked, definitions),
    };
  }

  async #compare(asked: readonly Watched[], definitions: Definitions): Promise<void> {
    const renamed = new Set(definitions.renamed);
    const current = asked.filter((entry) => this.#entries.get(entry.id) === entry);
    const changed = current.filter(({ id, sum }) => definitions.tables?.[id] !== sum || renamed.has(id));
    this.revoke(
      changed.map(({ id }) => id),
      "its definition has changed",
    );
    if (definitions.publication !== this.#publication) await this.#serial(() => this.#recheck());
  }

  /** The publication is not what it was: by our own doing, or by somebody else's. */
  async #recheck(): Promise<void> {
    const { publication } = this.#parts;
    const entries = [...this.#entries.values()];
    const { relations, definitions } = await this.#read(entries.map(({ id }) => id));
    if (relations.publication === null) {
      this.#parts.lost(new Error(`The publication ${publication} has been dropped`));
      return;
    }
    this.#publication = definitions.publication;
    const bad = entries.filter((entry) => {
      const members = membersOf(relations, entry.id);
      return (
        definitions.tables?.[entry.id] !== entry.sum ||
        unwatchable(entry.id, members) !== null ||
        unpublished(publication, relations, entry.id, members, [...entry.columns]) !== null
      );
    });
    this.revoke(
      bad.map(({ id }) => id),
      `the publication ${publication} has changed`,
    );
  }

  /** These tables are not followed any more. */
  revoke(ids: readonly string[], why: string): void {
    if (ids.length === 0) return;
    for (const id of ids) this.#entries.delete(id);
    this.#takeOut();
    this.#parts.redefined(ids, why);
  }

  get ids(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /** Relations and sums at one moment. */
  #read(ids: readonly string[]): Promise<{ readonly relations: Relations; readonly definitions: Definitions }> {
    const { version, publication } = this.#parts;
    return this.#parts.use(async (client) => {
      await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
      const relations = await readRelations(client, version, ids, publication);
      const values = definitionValues(
        ids.map((id) => definitionParts(id, relations)),
        publication,
        [],
      );
      const sql = `WITH ${DEFINITION_PARTS} SELECT ${definitionsObject(version)}::pg_catalog.text`;
      const definitions = JSON.parse(await textOnly(client, sql, values, "sqlmem_sums")) as Definitions;
      await client.query("COMMIT");
      return { relations, definitions };
    });
  }

  /** Takes what nobody watches out of the publication: as long as it is there, its UPDATEs need an identity. */
  #takeOut(): void {
    if (!this.#parts.managed || this.#closed) return;
    void this.#serial(async () => {
      if (this.#closed) return;
      const listed = [...this.#entries.values()].flatMap((entry) => entry.listed);
      await this.#parts.use((client) => keepTables(client, this.#parts.publication, listed));
    }).catch((error: unknown) => {
      if (this.#closed || this.#retry !== undefined) return;
      if (!isLockTimeout(error)) this.#parts.onFault(error instanceof Error ? error : new Error(String(error)));
      this.#retry = setTimeout(() => {
        this.#retry = undefined;
        this.#takeOut();
      }, RETRY_MS);
      this.#retry.unref();
    });
  }

  #serial<Result>(action: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(action);
    this.#last = result.catch(() => {});
    return result;
  }

  /** Resolves when nothing of it changes the publication any more. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#entries.clear();
    await this.#last;
  }
}

function membersOf(relations: Relations, root: string): readonly MemberRow[] {
  return relations.members.filter((member) => member.root === root);
}

function isLockTimeout(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "55P03";
}

async function addOrSay(
  client: pg.ClientBase,
  publication: string,
  tables: readonly MemberRow[],
): Promise<Bypass | null> {
  try {
    await addTables(client, publication, tables);
    return null;
  } catch (error) {
    const names = tables.map(sqlName).join(", ");
    if (isLockTimeout(error))
      return bypass("not-watched", `${names}: somebody holds a lock that keeps it from being published`);
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    // Not the owner; renamed or dropped meanwhile.
    if (code === "42501" || code === "42P01" || code === "3F000") {
      const message = error instanceof Error ? error.message : "";
      return bypass(
        "not-watched",
        `${names} cannot be published (${message}); only its owner can, or a publication of an administrator`,
      );
    }
    throw error;
  }
}
