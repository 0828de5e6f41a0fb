import { randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { Child } from "../support/child-process.ts";
import { expectCleanOrigin } from "../support/clean-origin.ts";
import { describeOnServers, type SharedDatabase, until } from "../support/engine.ts";
import { openFollowed } from "../support/followed.ts";
import { MAX_LAG_MS, OBSERVED } from "../support/observer.ts";

// Engines in several processes, and processes that die.

const NAME = `faults_${randomBytes(6).toString("hex")}`;
const READ = "SELECT v FROM counters WHERE id = 1";

describeOnServers(
  "freshness: processes",
  (database) => {
    it("two processes: each sees the other's writes, by token at once", async () => {
      const [one, other] = [await startChild(database), await startChild(database)];
      const seen = { hits: 0 };
      for (let n = 1; n <= 20; n++) {
        const [writer, reader] = n % 2 === 0 ? [one, other] : [other, one];
        const [, token] = (await writer.ask(`write UPDATE counters SET v = ${n} WHERE id = 1`)).split(" ");
        for (const each of [reader, writer, reader]) {
          const answer = await each.ask(`read ${token} ${READ}`);
          expect(answer.replace(/^\w+ /, "")).toBe(`[{"v":${n}}]`);
          if (answer.startsWith("hit")) seen.hits += 1;
        }
      }
      expect(seen.hits).toBeGreaterThan(0);
      for (const each of [one, other]) expect(await each.close()).toBe(0);
      await expectCleanOrigin(database, NAME);
    });

    it("a process is killed and started anew, while another goes on", async () => {
      const followed = await openFollowed(database);
      await followed.warm();
      const observer = followed.observe();
      const { engine } = followed;
      for (let round = 0; round < 2; round++) {
        const child = await startChild(database);
        const [, token] = (await child.ask("write UPDATE counters SET v = v WHERE id = 2")).split(" ");
        await child.ask(`read ${token} ${READ}`);
        expect(await publications(database)).toHaveLength(2);
        await child.kill();
        await observer.hits(20);
        // Its slot went with it; its publication goes when the next one starts.
        await until("its slot is gone", async () => (await slots(database)).length === 1);
      }
      const last = await startChild(database);
      expect(await publications(database)).toHaveLength(2);
      expect(await observer.stop()).toEqual([]);
      expect(engine.stats().freshness).toMatchObject({ state: "live", losses: 0 });
      await followed.expectRecovered();
      // What the new one reads is of now, whatever the killed one had.
      const [row] = await followed.bare(READ);
      expect((await last.ask(`read ${await engine.token()} ${READ}`)).replace(/^\w+ /, "")).toBe(JSON.stringify([row]));
      expect(await last.close()).toBe(0);
      await followed.leave();
    });
  },
  {
    setup: [
      ...OBSERVED,
      "CREATE TABLE counters (id int PRIMARY KEY, v int NOT NULL); INSERT INTO counters VALUES (1, 0), (2, 0)",
    ],
    newestOnly: true,
  },
);

interface FreshnessChild {
  /** Answers come in the order of the questions. */
  ask(line: string): Promise<string>;
  /** Resolves to the exit code. */
  close(): Promise<number | null>;
  kill(): Promise<void>;
}

async function startChild({ url }: SharedDatabase): Promise<FreshnessChild> {
  const child = new Child("./freshness-child.ts", { url, name: NAME, maxLagMs: MAX_LAG_MS }, { stdin: "pipe" });
  await child.line("live");
  let asked = 0;
  return {
    async ask(line) {
      asked += 1;
      child.process.stdin?.write(`${asked} ${line}\n`);
      return (await child.line(`${asked} `)).slice(`${asked} `.length);
    },
    async close() {
      child.process.stdin?.end();
      return await child.end();
    },
    kill: () => child.kill(),
  };
}

async function publications(database: SharedDatabase): Promise<readonly object[]> {
  return await database.query("SELECT FROM pg_publication WHERE pubname LIKE 'sqlmem\\_%'");
}

async function slots(database: SharedDatabase): Promise<readonly object[]> {
  return await database.query("SELECT FROM pg_replication_slots WHERE database = current_database()");
}
