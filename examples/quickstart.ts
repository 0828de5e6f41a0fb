// DATABASE_URL=postgresql://localhost/postgres node examples/quickstart.ts
//
// The README's quick start, typed. In a program of your own, import from "sqlmem".

import pg from "pg";
import { CachingEngine, UnsupportedQueryError } from "../src/index.ts";

interface Product {
  readonly id: number;
  readonly name: string;
  /** numeric arrives as text, as pg gives it: no digit is lost. */
  readonly price: string;
}

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
await pool.query(`
  DROP TABLE IF EXISTS quickstart_products;
  CREATE TABLE quickstart_products (id int PRIMARY KEY, name text NOT NULL, price numeric(10, 2) NOT NULL);
  INSERT INTO quickstart_products
    SELECT i, 'product ' || i, (i * 37 % 1000) / 10.0 FROM generate_series(1, 5000) AS i`);

{
  await using engine = new CachingEngine(pool, { cacheDb: false });

  async function show(sql: string, params?: readonly unknown[]): Promise<void> {
    const { outcome } = await engine.explain(sql, params);
    const started = performance.now();
    const rows = await engine.execute<Product>(sql, params);
    console.log(`${outcome}, ${rows.length} rows, ${(performance.now() - started).toFixed(2)} ms`, rows[0]);
  }

  // Fetches three columns of all products, once …
  await show("SELECT id, name, price FROM quickstart_products WHERE id = $1", [42]);
  // … which answers these too.
  await show("SELECT name, price FROM quickstart_products WHERE price < 1 ORDER BY price, id");
  await show("SELECT name, price FROM quickstart_products WHERE id = $1", [7]);

  try {
    await engine.execute("SELECT * FROM quickstart_products");
  } catch (error) {
    if (!(error instanceof UnsupportedQueryError)) throw error;
    console.log(`${error.reason}: ${error.message}`);
  }

  await pool.query("UPDATE quickstart_products SET price = 1.50 WHERE id = 7");
  await engine.invalidate("quickstart_products");
  await show("SELECT name, price FROM quickstart_products WHERE id = $1", [7]);
}
await pool.query("DROP TABLE quickstart_products");
await pool.end();
