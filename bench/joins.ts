import type { Bench } from "./bench.ts";
import { customersOf, randomNumbers } from "./dataset.ts";
import { type Case, measureCases } from "./hits.ts";
import { atLeast, atMost, type Section } from "./report.ts";

const VARIANTS = 1000;

/** Joins, subqueries and aggregates over indexed columns, beside the same statement on bare SQLite and on Postgres. */
export function measureJoins(bench: Bench): Promise<readonly Section[]> {
  return measureCases(bench, cases(bench.rows));
}

function cases(rows: number): readonly Case[] {
  const ids = randomNumbers(VARIANTS, rows).map((id) => [id]);
  const customers = randomNumbers(VARIANTS, customersOf(rows), 3).map((customer) => [customer]);
  const pages = randomNumbers(VARIANTS, rows - 100, 5).map((id) => [id]);
  const usual = { turnMs: 12, rounds: 31, indexes: ["orders.customer_id"] };
  return [
    joined({
      title: "an order with its customer, by primary keys",
      key: "join-one",
      columns: "o.id AS id, o.status AS status, c.name AS name",
      from: "FROM orders AS o JOIN customers AS c ON c.id = o.customer_id WHERE o.id = $1",
      params: ids,
      ...usual,
      indexes: [],
    }),
    joined({
      title: "a customer with 100 orders, by an indexed foreign key",
      key: "join-many",
      columns: "c.name AS name, o.id AS id, o.status AS status",
      from: "FROM customers AS c LEFT JOIN orders AS o ON o.customer_id = c.id WHERE c.id = $1",
      params: customers,
      ...usual,
    }),
    joined({
      title: "20 orders of a page with their customers",
      key: "join-page",
      columns: "o.id AS id, o.status AS status, c.name AS name",
      from: "FROM orders AS o LEFT JOIN customers AS c ON c.id = o.customer_id WHERE o.id > $1 ORDER BY o.id LIMIT 20",
      params: pages,
      ...usual,
      indexes: [],
    }),
    joined({
      title: "an aggregate over 100 rows of an indexed foreign key",
      key: "aggregate-indexed",
      columns: "count(*) AS orders, max(o.id) AS last, min(o.id) AS first",
      from: "FROM orders AS o WHERE o.customer_id = $1",
      params: customers,
      ...usual,
    }),
    joined({
      title: "orders counted for each of 50 customers of a city (join and GROUP BY, 5,000 rows)",
      key: "join-group",
      columns: "c.id AS id, count(*) AS orders",
      from: "FROM customers AS c JOIN orders AS o ON o.customer_id = c.id WHERE c.city = $1 GROUP BY c.id",
      params: randomNumbers(200, 200, 7).map((city) => [`City ${city - 1}`]),
      ...usual,
      indexes: ["orders.customer_id", "customers.city"],
      turnMs: 4,
      rounds: 15,
    }),
  ];
}

function joined({ from, ...rest }: Omit<Case, "rest" | "plainRest" | "targets"> & { readonly from: string }): Case {
  return {
    ...rest,
    rest: from,
    plainRest: from.replace("$1", "?"),
    targets: (rounds, floor) => [
      atMost(rest.title, rounds.ratio("SQLmem", floor), 1.3, "× floor"),
      atLeast(rest.title, rounds.ratio("pg", "SQLmem"), 1, "× faster than pg"),
    ],
  };
}
