import type { Program } from "./program.ts";

/** Each is a file in `programs/`. */
export const PROGRAMS: readonly string[] = [
  "node-postgres",
  "pg-promise",
  "drizzle",
  "drizzle-v1",
  "kysely",
  "knex",
  "objection",
  "typeorm",
  "sequelize",
  "mikro-orm",
  "prisma",
];

export async function loadProgram(name: string): Promise<Program> {
  if (!PROGRAMS.includes(name)) throw new Error(`no program "${name}"; there are ${PROGRAMS.join(", ")}`);
  const { program } = (await import(`./programs/${name}.ts`)) as { readonly program: Program };
  return program;
}
