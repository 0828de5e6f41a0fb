import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { Gate } from "../../../src/store/gate.ts";
import type { Advance } from "../../../src/store/protocol.ts";

const ADVANCE: Advance = {
  kind: "advance",
  commit: 1,
  changed: [],
  touched: [],
  removed: [],
  dropped: [],
  file: null,
  bytes: 0,
  reply: null,
  feed: null,
};

it("a task that another task asks for runs after what that one announces", () => {
  using db = new DatabaseSync(":memory:");
  const seen: string[] = [];
  const gate = new Gate(
    db,
    () => seen.push("announced"),
    () => ADVANCE,
  );
  gate.run(() => {
    seen.push("first");
    gate.run(() => seen.push("second"));
    gate.announce(ADVANCE);
  });
  expect(seen).toEqual(["first", "announced"]);
  gate.acknowledge();
  expect(seen).toEqual(["first", "announced", "second"]);
});
