import { Random } from "../../oracle/random.ts";
import type { TableRows } from "../load-tables.ts";
import { Comments } from "./comments.ts";
import {
  COLOURS,
  CONTAINER_SYLLABLES,
  INSTRUCTIONS,
  MODES,
  NATIONS,
  PRIORITIES,
  REGIONS,
  SEGMENTS,
  TYPE_SYLLABLES,
} from "./vocabulary.ts";

const DAY_MS = 86_400_000;
const FIRST_DAY = Date.UTC(1992, 0, 1) / DAY_MS;
const LAST_ORDER_DAY = Date.UTC(1998, 11, 31) / DAY_MS - 151;
/** The specification's CURRENTDATE: what is returned, shipped and open depends on it. */
const TODAY = Date.UTC(1995, 5, 17) / DAY_MS;

/**
 * What the queries look for and a small scale would hardly have one of: every `1 / PLANTED` part is one of these.
 * The specification leaves brand, type, size and container independent of each other.
 */
const SOUGHT_PARTS: readonly Partial<Part>[] = [
  { type: "SMALL BURNISHED BRASS", size: 15 },
  { type: "ECONOMY ANODIZED STEEL" },
  { brand: "Brand#23", container: "MED BOX", size: 7 },
  { brand: "Brand#12", container: "SM PACK", size: 3 },
  { brand: "Brand#34", container: "LG CASE", size: 12 },
  { name: "forest green almond steel plum" },
];
const PLANTED = 8;
/** One order in so many is of seven large lines: the specification's own share is 1 in 26,000. */
const LARGE_ORDERS = 400;

interface Part {
  readonly name: string;
  readonly brand: string;
  readonly type: string;
  readonly size: number;
  readonly container: string;
  /** In cents. */
  readonly retailPrice: number;
}

/**
 * The eight tables of TPC-H (clause 4.2.3), the same rows for the same scale on every machine.
 *
 * @param scale 1 is the specification's 6 million line items; 0.002 is the smallest that gives each query rows
 */
export function generateTpch(scale: number): readonly TableRows[] {
  const random = new Random(19_920_101);
  const comments = new Comments(random);
  const suppliers = Math.max(25, Math.round(10_000 * scale));
  const customers = Math.round(150_000 * scale);
  const parts = makeParts(random, Math.round(200_000 * scale));
  const { orders, lines } = makeOrders(random, comments, { parts, suppliers, customers, scale });
  return [
    { table: "region", rows: REGIONS.map((name, key) => [key, name, comments.take(31, 115)]) },
    { table: "nation", rows: NATIONS.map(([name, region], key) => [key, name, region, comments.take(31, 114)]) },
    { table: "part", rows: parts.map((part, index) => partRow(part, index + 1, comments)) },
    { table: "supplier", rows: random.times(suppliers, (index) => supplierRow(index + 1, random, comments)) },
    { table: "partsupp", rows: partSuppliers(parts.length, suppliers, random, comments) },
    { table: "customer", rows: random.times(customers, (index) => customerRow(index + 1, random, comments)) },
    { table: "orders", rows: orders },
    { table: "lineitem", rows: lines },
  ];
}

function makeParts(random: Random, count: number): Part[] {
  return random.times(count, (index) => {
    const key = index + 1;
    return {
      name: random.shuffle(COLOURS).slice(0, 5).join(" "),
      brand: `Brand#${random.int(1, 5)}${random.int(1, 5)}`,
      type: TYPE_SYLLABLES.map((syllables) => random.pick(syllables)).join(" "),
      size: random.int(1, 50),
      container: CONTAINER_SYLLABLES.map((syllables) => random.pick(syllables)).join(" "),
      retailPrice: 90_000 + (Math.floor(key / 10) % 20_001) + 100 * (key % 1000),
      ...(key % PLANTED === 0 ? random.pick(SOUGHT_PARTS) : {}),
    };
  });
}

function partRow(part: Part, key: number, comments: Comments): readonly Value[] {
  const { name, brand, type, size, container, retailPrice } = part;
  const maker = `Manufacturer#${brand.charAt("Brand#".length)}`;
  return [key, name, maker, brand, type, size, container, money(retailPrice), comments.take(5, 22)];
}

type Value = string | number;

function supplierRow(key: number, random: Random, comments: Comments): readonly Value[] {
  // Each nation has a supplier, however few there are.
  const nation = key <= NATIONS.length ? key - 1 : random.int(0, NATIONS.length - 1);
  let comment = comments.take(25, 100);
  // Clause 4.2.3: five of ten thousand complain, five recommend. Here one of each at least.
  if (key % 2000 === 7) comment = `${comment.slice(0, 20)} Customer ${comment.slice(20, 40)} Complaints`;
  if (key % 2000 === 13) comment = `${comment.slice(0, 20)} Customer ${comment.slice(20, 40)} Recommends`;
  return [
    key,
    `Supplier#${digits(key, 9)}`,
    address(random),
    nation,
    phone(random, nation),
    money(random.int(-99_999, 999_999)),
    comment,
  ];
}

function customerRow(key: number, random: Random, comments: Comments): readonly Value[] {
  const nation = random.int(0, NATIONS.length - 1);
  return [
    key,
    `Customer#${digits(key, 9)}`,
    address(random),
    nation,
    phone(random, nation),
    money(random.int(-99_999, 999_999)),
    random.pick(SEGMENTS),
    comments.take(29, 116),
  ];
}

/** The `index`-th of the four suppliers of a part, by the specification's formula. */
function supplierOf(part: number, index: number, suppliers: number): number {
  return ((part + index * (Math.floor(suppliers / 4) + Math.floor((part - 1) / suppliers))) % suppliers) + 1;
}

function partSuppliers(parts: number, suppliers: number, random: Random, comments: Comments): (readonly Value[])[] {
  const rows: (readonly Value[])[] = [];
  for (let part = 1; part <= parts; part++) {
    const keys = new Set([0, 1, 2, 3].map((index) => supplierOf(part, index, suppliers)));
    for (const key of keys) {
      rows.push([part, key, random.int(1, 9999), money(random.int(100, 100_000)), comments.take(49, 198)]);
    }
  }
  return rows;
}

interface Sizes {
  readonly parts: readonly Part[];
  readonly suppliers: number;
  readonly customers: number;
  readonly scale: number;
}

interface OrdersAndLines {
  readonly orders: readonly (readonly Value[])[];
  readonly lines: readonly (readonly Value[])[];
}

function makeOrders(random: Random, comments: Comments, { parts, suppliers, customers, scale }: Sizes): OrdersAndLines {
  const orders: (readonly Value[])[] = [];
  const lines: (readonly Value[])[] = [];
  const clerks = Math.max(1, Math.round(1000 * scale));
  for (let index = 0; index < customers * 10; index++) {
    // Only the first 8 of each 32 keys are used.
    const orderKey = Math.floor(index / 8) * 32 + (index % 8) + 1;
    const orderDay = random.int(FIRST_DAY, LAST_ORDER_DAY);
    const large = index % LARGE_ORDERS === 5;
    const statuses = new Set<string>();
    let total = 0;
    for (let number = 1, count = large ? 7 : random.int(1, 7); number <= count; number++) {
      const partKey = random.int(1, parts.length);
      const quantity = random.int(large ? 42 : 1, 50);
      const price = quantity * (parts[partKey - 1]?.retailPrice ?? 0);
      const discount = random.int(0, 10);
      const tax = random.int(0, 8);
      const shipDay = orderDay + random.int(1, 121);
      const receiptDay = shipDay + random.int(1, 30);
      const status = shipDay > TODAY ? "O" : "F";
      statuses.add(status);
      total += (price * (100 + tax) * (100 - discount)) / 10_000;
      lines.push([
        orderKey,
        partKey,
        supplierOf(partKey, random.int(0, 3), suppliers),
        number,
        quantity,
        money(price),
        money(discount),
        money(tax),
        receiptDay <= TODAY ? random.pick(["R", "A"]) : "N",
        status,
        date(shipDay),
        date(orderDay + random.int(30, 90)),
        date(receiptDay),
        random.pick(INSTRUCTIONS),
        random.pick(MODES),
        comments.take(10, 43),
      ]);
    }
    orders.push([
      orderKey,
      customerOf(random, customers),
      statuses.size === 2 ? "P" : [...statuses].join(""),
      money(Math.round(total)),
      date(orderDay),
      random.pick(PRIORITIES),
      `Clerk#${digits(random.int(1, clerks), 9)}`,
      0,
      comments.take(19, 78),
    ]);
  }
  return { orders, lines };
}

/** A third of the customers has no orders: those whose key is a multiple of three. */
function customerOf(random: Random, customers: number): number {
  const key = random.int(1, customers);
  return key % 3 === 0 ? key - 1 : key;
}

const ADDRESS_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ,";

function address(random: Random): string {
  return random.times(random.int(10, 40), () => ADDRESS_LETTERS[random.int(0, ADDRESS_LETTERS.length - 1)]).join("");
}

function phone(random: Random, nation: number): string {
  return `${nation + 10}-${random.int(100, 999)}-${random.int(100, 999)}-${random.int(1000, 9999)}`;
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, "0");
}

/** Cents as a decimal of two places. */
function money(cents: number): string {
  return (cents / 100).toFixed(2);
}

function date(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}
