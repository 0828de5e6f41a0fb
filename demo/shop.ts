import type pg from "pg";

export const ORDERS = 200_000;
const CUSTOMERS = 20_000;
const CHUNK = 10_000;

/** A shop of two tables, filled in chunks so that progress can be shown. The same rows in each run. */
export async function fillShop(client: pg.Client, onProgress: (fraction: number) => void): Promise<void> {
  await client.query(`
    CREATE TABLE customers (
      id      integer PRIMARY KEY,
      name    text NOT NULL,
      city    text NOT NULL,
      since   date NOT NULL
    );
    CREATE TABLE orders (
      id          integer PRIMARY KEY,
      customer_id integer NOT NULL REFERENCES customers,
      status      text NOT NULL,
      total       numeric(10, 2) NOT NULL,
      items       smallint NOT NULL,
      placed_at   timestamptz NOT NULL,
      note        text
    );`);
  await client.query(
    `INSERT INTO customers
     SELECT i,
            (ARRAY['Ada','Björn','Chloé','Dmitri','Elif','Farid','Grace','Hana'])[1 + i % 8] || ' ' ||
            (ARRAY['Okafor','Lindqvist','Dubois','Petrov','Yılmaz','Haddad','Hopper','Sato'])[1 + (i / 8) % 8],
            (ARRAY['Lagos','Malmö','Lyon','Riga','İzmir','Tunis','Boston','Osaka'])[1 + (i * 7) % 8],
            date '2018-01-01' + i % 2500
       FROM generate_series(1, $1::int) AS i`,
    [CUSTOMERS],
  );
  for (let from = 1; from <= ORDERS; from += CHUNK) {
    await client.query(
      `INSERT INTO orders
       SELECT i,
              1 + (i::bigint * 7919) % $3::int,
              (ARRAY['paid','paid','paid','shipped','shipped','open','open','returned'])[1 + (i::bigint * 31) % 8],
              ((i::bigint * 104729) % 49900 + 100) / 100.0,
              1 + (i::bigint * 13) % 9,
              timestamptz '2024-01-01 00:00:00+00' + i * interval '4 minutes',
              CASE WHEN i % 50 = 0 THEN 'leave it with the neighbour' END
         FROM generate_series($1::int, $2::int) AS i`,
      [from, from + CHUNK - 1, CUSTOMERS],
    );
    onProgress((from + CHUNK - 1) / ORDERS);
  }
  await client.query("CREATE INDEX ON orders (customer_id); ANALYZE");
}
