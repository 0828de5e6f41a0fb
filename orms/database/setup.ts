import { readFileSync } from "node:fs";
import path from "node:path";

const file = (name: string): string => readFileSync(path.join(import.meta.dirname, name), "utf8");

/** The statements that make the domain of all programs in an empty database. */
export const SETUP: readonly string[] = [file("schema.sql"), file("seed.sql"), "ANALYZE"];
