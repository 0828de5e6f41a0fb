import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    pool: "forks",
    // Servers do a part of the work: two files at a time keep two cores busy.
    maxWorkers: 2,
    // Databases are created and dropped in hooks; servers and machines differ.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    restoreMocks: true,
    // Node runs the sources as they are, as it does in all that is not a test; nothing is transformed.
    experimental: { viteModuleRunner: false },
  },
});
