import { randomBytes } from "node:crypto";
import { createClient } from "redis";

/** What one writes by hand without SQLmem: results as JSON in Redis, under a key of one's own. */
export interface ResultCache extends AsyncDisposable {
  readonly version: string;
  set(entries: readonly (readonly [key: string, rows: readonly unknown[]])[]): Promise<void>;
  get(key: string): Promise<unknown>;
}

const URL = "redis://127.0.0.1:6379";
/** What a killed run leaves behind goes by itself. */
const EXPIRE_SECONDS = 900;
const KEYS_AT_ONCE = 1000;

/** `null` if there is no Redis on this machine. */
export async function openResultCache(): Promise<ResultCache | null> {
  const client = createClient({ url: URL, socket: { reconnectStrategy: false, connectTimeout: 1000 } });
  client.on("error", () => {});
  try {
    await client.connect();
  } catch {
    return null;
  }
  const prefix = `sqlmem-bench:${randomBytes(6).toString("hex")}:`;
  const keys = new Set<string>();
  const version = /redis_version:(\S+)/.exec(await client.info("server"))?.[1] ?? "unknown";
  return {
    version,
    set: async (entries) => {
      for (const part of parts(entries)) {
        for (const [key] of part) keys.add(prefix + key);
        await Promise.all(
          part.map(([key, rows]) =>
            client.set(prefix + key, JSON.stringify(rows), { expiration: { type: "EX", value: EXPIRE_SECONDS } }),
          ),
        );
      }
    },
    get: async (key) => JSON.parse((await client.get(prefix + key)) ?? "null"),
    [Symbol.asyncDispose]: async () => {
      for (const part of parts([...keys])) await client.unlink([...part]);
      await client.close();
    },
  };
}

function parts<Item>(items: readonly Item[]): readonly (readonly Item[])[] {
  const count = Math.ceil(items.length / KEYS_AT_ONCE);
  return Array.from({ length: count }, (_, index) => items.slice(index * KEYS_AT_ONCE, (index + 1) * KEYS_AT_ONCE));
}
