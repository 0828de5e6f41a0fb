import { startServers } from "./postgres.ts";

/** Run by vitest once, before any test file; what it returns runs once after the last. */
export default async function globalSetup(): Promise<() => Promise<void>> {
  const running = await startServers();
  return running.stop;
}
