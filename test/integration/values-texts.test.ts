import { beforeAll, it } from "vitest";
import { describeOnServers } from "../support/engine.ts";
import { expectExact, fill, ofEachRow, openWire, SETUP } from "./compared-values.ts";

const ALL = "id i2 i4 i8 p q x w f t k v c b d ts tz u m j jb by iv ia r".split(" ");

describeOnServers(
  "texts of values",
  (database) => {
    beforeAll(() => fill(database, 500, 1));

    it("are those of a cast", async () => {
      const opened = await openWire(database, "-c TimeZone=UTC");
      await expectExact(opened, ofEachRow(ALL.map((column) => `${column}::text`)));
      await expectExact(opened, ofEachRow(ALL.map((column) => `${column}::varchar(3)`)));
      await expectExact(
        opened,
        ofEachRow(ALL.filter((column) => column !== "c").map((column) => `${column}::char(4)`)),
      );
    });

    it("are those that || appends", async () => {
      const opened = await openWire(database, "-c TimeZone=UTC");
      await expectExact(opened, ofEachRow(ALL.filter((column) => column !== "ia").map((column) => `k || ${column}`)));
      const plain = ALL.filter((column) => !["j", "jb", "by", "ia", "iv", "r"].includes(column));
      await expectExact(opened, ofEachRow(plain.map((column) => `${column} || '!'`)));
    });

    it("are those of concat() and concat_ws()", async () => {
      const opened = await openWire(database, "-c TimeZone=UTC");
      await expectExact(opened, ofEachRow(ALL.map((column) => `concat(${column}, 'x', ${column}, NULL)`)));
      await expectExact(
        opened,
        ofEachRow([
          `concat_ws(', ', ${ALL.join(", ")})`,
          "concat_ws(t, i4, b, c)",
          "concat_ws(c, k, c, k)",
          "concat(t)",
        ]),
      );
    });

    it("are loaded where they depend on the session", async () => {
      const opened = await openWire(database, "-c TimeZone=Europe/Berlin -c DateStyle=German -c extra_float_digits=0");
      await expectExact(opened, ofEachRow(["d::text", "ts::text", "tz::text", "f::text", "concat(d, ts, tz, f)"]));
    });

    it("are collected by string_agg() and array_agg()", async () => {
      const opened = await openWire(database, "-c TimeZone=UTC");
      await expectExact(opened, [
        "SELECT string_agg(t, '; ' ORDER BY id) AS a, string_agg(v, k ORDER BY id DESC) AS b, string_agg(c, NULL ORDER BY i4 DESC NULLS LAST, id) AS c FROM n",
        "SELECT m, string_agg(DISTINCT t, ', ') AS a, string_agg(t, '-' ORDER BY id) FILTER (WHERE i4 > 0) AS b FROM n GROUP BY m ORDER BY m",
        "SELECT string_agg(DISTINCT t, ', ' ORDER BY t DESC) AS a, string_agg(t, '') AS b FROM n WHERE id < 0",
        ...ALL.filter((column) => !["m", "by", "iv", "ia", "r"].includes(column)).map(
          (column) => `SELECT array_agg(${column} ORDER BY id) AS a FROM n`,
        ),
        "SELECT b, array_agg(DISTINCT i2) AS a, array_agg(DISTINCT k ORDER BY k DESC) AS b, array_agg(id ORDER BY id) FILTER (WHERE b) AS c FROM n GROUP BY b ORDER BY n.b",
        "SELECT array_agg(i4) AS a FROM n WHERE id < 0",
      ]);
    });
  },
  { setup: SETUP },
);
