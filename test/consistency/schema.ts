/** Tables whose rows belong together, and what must hold of them in every single answer. */

export const ACCOUNTS = 40;
export const LEDGERS = 8;
export const PARENTS = 12;
/** Rows that are only counted up: by connections past the engines, and through each of two engines. */
export const REGISTERS_EACH = 8;
const START_BALANCE = 100;

export const SETUP: readonly string[] = [
  "CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL, version int NOT NULL DEFAULT 0)",
  `INSERT INTO accounts SELECT i, ${START_BALANCE} FROM generate_series(1, ${ACCOUNTS}) AS i`,
  "CREATE TABLE ledger (id int PRIMARY KEY, transfers int NOT NULL DEFAULT 0)",
  `INSERT INTO ledger SELECT i FROM generate_series(1, ${LEDGERS}) AS i`,
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
  readonly broken: (rows: readonly Readonly<Record<string, unknown>>[]) => string | null;
}

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
    sql: "SELECT id, name, children FROM parents ORDER BY name",
    broken: (rows) => {
      if (rows.some(({ id, name, children }) => name !== `p${id}:${children}`)) return "a part of an update is seen";
      const names = rows.map(({ name }) => String(name));
      return names.every((name, index) => index === 0 || (names[index - 1] ?? "") < name) ? null : "not in order";
    },
  },
];
