import pg from "pg";
import { afterEach, describe, expect, test } from "vitest";
import { createTypeParsers } from "../../../src/dialects/postgres/type-parsers.ts";

const types = createTypeParsers((id) => pg.types.getTypeParser(id, "text"));

describe("the driver's parsers", () => {
  const before = new Map([20, 23, 25, 1114].map((id) => [id, pg.types.getTypeParser(id, "text")]));
  afterEach(() => {
    for (const [id, parser] of before) pg.types.setTypeParser(id, parser);
  });

  test("are known while they are the driver's own", () => {
    const known = [16, 20, 21, 23, 701, 25, 1043, 1042, 1700, 2950, 1082, 1114, 1184, 114, 3802, 17, 1007, 99_999].map(
      (id) => types.known(id),
    );
    expect(known).toEqual([
      "boolean",
      "text",
      "integer",
      "integer",
      "float",
      "text",
      "text",
      "text",
      "text",
      "text",
      "localTime",
      "localTime",
      "instant",
      null,
      null,
      null,
      null,
      "text",
    ]);
  });

  test("an override counts at once, and until it is taken back", () => {
    pg.types.setTypeParser(20, (text) => BigInt(text));
    pg.types.setTypeParser(25, (text) => text.toUpperCase());
    expect([types.known(20), types.known(25)]).toEqual([null, null]);
    expect([types.parser(20)("5"), types.parser(25)("a")]).toEqual([5n, "A"]);
    const own = before.get(20);
    if (own) pg.types.setTypeParser(20, own);
    expect(types.known(20)).toBe("text");
  });

  test("one type's parser registered for another is not taken for that one's own", () => {
    const integer = pg.types.getTypeParser(23, "text");
    pg.types.setTypeParser(20, integer);
    pg.types.setTypeParser(1114, (text) => text);
    expect([types.known(20), types.known(1114)]).toEqual([null, null]);
  });

  test("foreign lookups are never known", () => {
    const identity = (text: string): string => text;
    const foreign = createTypeParsers(() => identity);
    expect([foreign.known(20), foreign.known(25), foreign.known(23)]).toEqual([null, null, null]);
  });
});
