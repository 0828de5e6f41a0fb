import { availableParallelism, cpus, totalmem } from "node:os";
import type { Bench } from "./bench.ts";

/** What the numbers were measured on and with. */
export async function describeMachine({ database, redis }: Bench): Promise<Readonly<Record<string, string>>> {
  const [server] = await database.query<{ server_version: string }>("SHOW server_version");
  return {
    processor: `${cpus()[0]?.model.trim() ?? "unknown"}, ${availableParallelism()} cores`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${process.platform} ${process.arch}`,
    node: process.versions.node,
    sqlite: process.versions.sqlite ?? "unknown",
    postgres: server?.server_version.split(" ")[0] ?? "unknown",
    redis: redis?.version ?? "none",
  };
}
