import { describe, expect, test } from "vitest";
import { ago, bytes, decimalOf, duration, lastDay, moneyDigits, moneyText, percent } from "@/lib/format";
import { quarterChoices, shiftQuarter } from "@/lib/quarters";
import { safeReturnPath } from "@/lib/return-path";
import { jpy, usd } from "@/testing/builders";

describe("money", () => {
  test.each([
    [usd(5), "0.05"],
    [usd(-123_456), "-1234.56"],
    [jpy(1200), "1200"],
    [{ currency: "KWD", minor: 1_234_567, exponent: 3 }, "1234.567"],
    [{ currency: "USD", minor: Number.MAX_SAFE_INTEGER, exponent: 2 }, "90071992547409.91"],
  ])("%o is the decimal %s", (money, decimal) => {
    expect(decimalOf(money)).toBe(decimal);
  });

  test("is written with its own number of digits, and never through a float", () => {
    expect(moneyText(usd(123_456))).toBe("USD\u00a01,234.56");
    expect(moneyText(jpy(1200))).toBe("JPY\u00a01,200");
    expect(moneyDigits({ currency: "USD", minor: Number.MAX_SAFE_INTEGER, exponent: 2 }, "exact")).toBe(
      "90,071,992,547,409.91",
    );
    expect(moneyDigits(usd(123_456_789), "whole")).toBe("1,234,568");
  });
});

test("ratios, bytes", () => {
  expect(percent(0.6667)).toBe("67%");
  expect(percent(null)).toBe("–");
  expect(bytes(999)).toBe("999 byte");
  expect(bytes(38_214_410)).toBe("38.2 MB");
});

test("ages go both ways, and clocks that differ a little do not make a future", () => {
  expect(ago(5)).toBe("5 seconds ago");
  expect(ago(-20)).toBe("now");
  expect(ago(3_700)).toBe("1 hour ago");
  expect(ago(-2 * 86_400)).toBe("in 2 days");
});

test("durations", () => {
  const start = "2026-11-23T08:00:00Z";
  expect(duration(start, "2026-11-23T08:00:04.2Z", 0)).toBe("4.2 s");
  expect(duration(start, "2026-11-23T08:01:04Z", 0)).toBe("1 m 04 s");
  expect(duration(null, null, 0)).toBe("–");
});

test("a period's exclusive end is shown as its last day", () => {
  expect(lastDay("2027-01-01")).toBe("31 Dec 2026");
});

test("quarters", () => {
  expect(shiftQuarter("2026-Q4", 1)).toBe("2027-Q1");
  expect(shiftQuarter("2026-Q1", -1)).toBe("2025-Q4");
  expect(quarterChoices("2026-Q4", "2020-Q1").at(-1)).toBe("2020-Q1");
});

test.each([
  ["/data-lake?x=1", "/data-lake?x=1"],
  ["//evil.example", "/overview"],
  ["https://evil.example", "/overview"],
  ["/\\evil.example", "/overview"],
  ["/sign-in?next=/sign-in", "/overview"],
])("return path %s becomes %s", (given, safe) => {
  expect(safeReturnPath(given)).toBe(safe);
});
