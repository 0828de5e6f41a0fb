/** Tables whose rows belong together, and what must hold of them in every single answer. */

import type { Random } from "../oracle/random.ts";

export const ACCOUNTS = 40;
export const LEDGERS = 8;
export const PARENTS = 12;
/** Of pairs: both rows of one are always written together. */
export const WORDS = 30;
export const SCRATCH_ROWS = 20_000;
/** Rows that are only counted up: by connections past the engines, and through each of two engines. */
export const REGISTERS_EACH = 8;
const START_BALANCE = 100;

export const SETUP: readonly string[] = [
  "CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL, version int NOT NULL DEFAULT 0)",
  `INSERT INTO accounts SELECT i, ${START_BALANCE} FROM generate_series(1, ${ACCOUNTS}) AS i`,
  "CREATE TABLE ledger (id int PRIMARY KEY, transfers int NOT NULL DEFAULT 0)",
  `INSERT INTO ledger SELECT i FROM generate_series(1, ${LEDGERS}) AS i`,
  "CREATE TABLE transfers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, from_id int NOT NULL, to_id int NOT NULL, amount int NOT NULL)",
  "CREATE INDEX ON transfers (from_id)",
  "CREATE INDEX ON transfers (to_id)",
  // Every value of it is new to whoever ranks texts, and has its place among the others by the rules of a language.
  `CREATE TABLE words (id int PRIMARY KEY, word text COLLATE "en-US-x-icu" NOT NULL, n int NOT NULL)`,
  `INSERT INTO words SELECT i, 'Word ' || i || ' 0', 0 FROM generate_series(1, ${WORDS}) AS i`,
  // Of what is changed in one transaction that is too long to be applied in place, and truncated.
  "CREATE TABLE scratch (id int PRIMARY KEY, v int NOT NULL)",
  `INSERT INTO scratch SELECT i, 0 FROM generate_series(1, ${SCRATCH_ROWS}) AS i`,
  "CREATE TABLE parents (id int PRIMARY KEY, children int NOT NULL DEFAULT 0, name text NOT NULL)",
  `INSERT INTO parents SELECT i, 0, 'p' || i || ':0' FROM generate_series(1, ${PARENTS}) AS i`,
  "CREATE TABLE children (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, parent_id int NOT NULL REFERENCES parents, label text)",
  "CREATE INDEX ON children (parent_id)",
  "CREATE TABLE registers (id int PRIMARY KEY, v int NOT NULL DEFAULT 0)",
  `INSERT INTO registers SELECT i FROM generate_series(1, ${3 * REGISTERS_EACH}) AS i`,
  // Its one row is counted up by what the change stream does not tell of: ALTER TABLE … USING.
  "CREATE TABLE rewritten (id int PRIMARY KEY, v int NOT NULL DEFAULT 0)",
  "INSERT INTO rewritten VALUES (1)",
];

/** `null`, or what of the answer cannot be. */
export interface Invariant {
  readonly sql: string;
  readonly params?: (random: Random) => readonly unknown[];
  readonly broken: (rows: readonly Readonly<Record<string, unknown>>[]) => string | null;
}

/** As the collation "en-US-x-icu" has it. */
const ENGLISH = new Intl.Collator("en-US");

const TOTAL = String(ACCOUNTS * START_BALANCE);

export const INVARIANTS: readonly Invariant[] = [
  {
    sql: "SELECT sum(version) AS versions, sum(balance) AS total, count(*) AS n FROM accounts",
    broken: ([row]) => (row?.total === TOTAL && row.n === String(ACCOUNTS) ? null : "money came or went"),
  },
  {
    sql: "SELECT a.versions, l.transfers FROM (SELECT sum(version) AS versions FROM accounts) AS a CROSS JOIN (SELECT sum(transfers) AS transfers FROM ledger) AS l",
    broken: ([row]) => (Number(row?.versions) === 2 * Number(row?.transfers) ? null : "a part of a transfer is seen"),
  },
  {
    sql: "SELECT a.versions, t.n FROM (SELECT sum(version) AS versions FROM accounts) AS a CROSS JOIN (SELECT count(*) AS n FROM transfers) AS t",
    broken: ([row]) => (Number(row?.versions) === 2 * Number(row?.n) ? null : "a part of a transfer is seen"),
  },
  {
    sql: `SELECT a.balance, (SELECT sum(t.amount) FROM transfers AS t WHERE t.to_id = a.id) AS received,
      (SELECT sum(t.amount) FROM transfers AS t WHERE t.from_id = a.id) AS sent FROM accounts AS a WHERE a.id = $1`,
    params: (random) => [random.int(1, ACCOUNTS)],
    broken: ([row]) =>
      Number(row?.balance) === START_BALANCE + Number(row?.received) - Number(row?.sent)
        ? null
        : "a balance and its transfers do not agree",
  },
  {
    sql: "SELECT n, word, id FROM words ORDER BY word",
    broken: (rows) => {
      const pairs = new Map<number, unknown>();
      for (const { id, word, n } of rows) {
        const pair = (Number(id) + 1) >> 1;
        if (pairs.has(pair) && pairs.get(pair) !== n) return `a part of a pair is seen, ${pair}`;
        pairs.set(pair, n);
        if (!String(word).endsWith(` ${id} ${n}`)) return "a part of an update is seen";
      }
      if (rows.length !== WORDS) return "rows came or went";
      const unordered = rows.findIndex(
        ({ word }, index) => index > 0 && ENGLISH.compare(String(rows[index - 1]?.word), String(word)) > 0,
      );
      return unordered < 0 ? null : `not in order, row ${unordered}`;
    },
  },
  {
    sql: "SELECT min(v) AS low, max(v) AS high, count(*) AS n FROM scratch",
    broken: ([row]) =>
      (row?.n === "0" && row.low === null) || (row?.n === String(SCRATCH_ROWS) && row.low === row.high)
        ? null
        : "a part of a long transaction is seen",
  },
  {
    sql: "SELECT id, balance, version FROM accounts ORDER BY balance DESC, id",
    broken: (rows) => {
      const total = rows.reduce((sum, { balance }) => sum + Number(balance), 0);
      if (total !== ACCOUNTS * START_BALANCE) return "money came or went";
      const ordered = rows.every(
        (row, index) => index === 0 || Number(rows[index - 1]?.balance) >= Number(row.balance),
      );
      return ordered ? null : "not in order";
    },
  },
  {
    sql: "SELECT p.id, p.children, count(c.id) AS n FROM parents AS p LEFT JOIN children AS c ON c.parent_id = p.id GROUP BY p.id, p.children ORDER BY p.id",
    broken: (rows) =>
      rows.length === PARENTS && rows.every(({ children, n }) => String(children) === n)
        ? null
        : "a parent and its children do not agree",
  },
  {
    sql: "SELECT p.id FROM parents AS p WHERE p.children <> (SELECT count(*) FROM children AS c WHERE c.parent_id = p.id)",
    broken: (rows) => (rows.length === 0 ? null : "a parent and its children do not agree"),
  },
  {
    sql: "SELECT children, name, id FROM parents ORDER BY name",
    broken: (rows) => {
      if (rows.some(({ id, name, children }) => name !== `p${id}:${children}`)) return "a part of an update is seen";
      const names = rows.map(({ name }) => String(name));
      return names.every((name, index) => index === 0 || (names[index - 1] ?? "") < name) ? null : "not in order";
    },
  },
];
