/**
 * Every number, amount and date on screen is written here. Amounts are integer minor units with the currency's own
 * exponent; they are turned into a decimal string, never into a float. Locale and time zone are the reader's.
 */
import type { Schemas } from "@/lib/api-client";

export type Money = Schemas["Money"];
type Maybe<T> = T | null | undefined;

/** The catalogue is English; day before month and the 24-hour clock are unambiguous for every reader of it. */
const LOCALE = "en-GB";
export const NO_VALUE = "–";

const integers = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const percents = new Intl.NumberFormat(LOCALE, { style: "percent", maximumFractionDigits: 0 });
const dateTimes = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "short" });
const preciseTimes = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "long" });
const clockTimes = new Intl.DateTimeFormat(LOCALE, { timeStyle: "medium" });
const days = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeZone: "UTC" });
const relative = new Intl.RelativeTimeFormat(LOCALE, { numeric: "auto", style: "long" });

/** 123456 with exponent 2 is "1234.56"; 5 is "0.05". */
export function decimalOf({ minor, exponent }: Money): string {
  const sign = minor < 0 ? "-" : "";
  const digits = String(Math.abs(minor)).padStart(exponent + 1, "0");
  const cut = digits.length - exponent;
  return exponent === 0 ? `${sign}${digits}` : `${sign}${digits.slice(0, cut)}.${digits.slice(cut)}`;
}

export type MoneyStyle = "exact" | "whole" | "compact";

const MONEY_DIGITS: Record<MoneyStyle, (exponent: number) => Intl.NumberFormatOptions> = {
  exact: (exponent) => ({ minimumFractionDigits: exponent, maximumFractionDigits: exponent }),
  whole: () => ({ maximumFractionDigits: 0 }),
  compact: () => ({ notation: "compact", maximumSignificantDigits: 3 }),
};

/** The digits alone: the currency code stands beside them, because "$" does not say whose dollar. */
export function moneyDigits(money: Money, style: MoneyStyle): string {
  const format = new Intl.NumberFormat(LOCALE, MONEY_DIGITS[style](money.exponent));
  return format.format(decimalOf(money) as Intl.StringNumericLiteral);
}

export function moneyText(money: Money, style: MoneyStyle = "exact"): string {
  return `${money.currency}\u00a0${moneyDigits(money, style)}`;
}

/** A count. One that the server left out is none. */
export function integer(value: Maybe<number>): string {
  return integers.format(value ?? 0);
}

export function percent(ratio: Maybe<number>): string {
  return ratio == null ? NO_VALUE : percents.format(ratio);
}

const BYTE_UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

export function bytes(value: number): string {
  const step = value < 1000 ? 0 : Math.min(Math.floor(Math.log10(value) / 3), BYTE_UNITS.length - 1);
  return new Intl.NumberFormat(LOCALE, {
    style: "unit",
    unit: BYTE_UNITS[step] ?? "byte",
    unitDisplay: "short",
    maximumFractionDigits: step === 0 ? 0 : 1,
  }).format(value / 1000 ** step);
}

export function dateTime(instant: Maybe<string>): string {
  return instant ? dateTimes.format(new Date(instant)) : NO_VALUE;
}

/** With seconds and the time zone, for tooltips. */
export function preciseTime(instant: Maybe<string>): string | undefined {
  return instant ? preciseTimes.format(new Date(instant)) : undefined;
}

export function clock(instant: string): string {
  return clockTimes.format(new Date(instant));
}

/** A calendar day as the source wrote it; no time zone moves it. */
export function day(date: string): string {
  return days.format(new Date(`${date.slice(0, 10)}T00:00:00Z`));
}

/** The reader's own calendar day of a moment, as dates are written: "2026-11-23". */
export function localDay(moment: number): string {
  const date = new Date(moment);
  const two = (part: number) => String(part).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** The last day of a period whose end is exclusive. */
export function lastDay(endExclusive: string): string {
  const end = new Date(`${endExclusive.slice(0, 10)}T00:00:00Z`);
  end.setUTCDate(end.getUTCDate() - 1);
  return days.format(end);
}

const AGE_STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** "2 minutes ago", "in 3 days". Less than a minute ahead is two clocks that differ, and says "now". */
export function ago(seconds: number): string {
  const past = Math.round(seconds > -60 ? Math.max(0, seconds) : seconds);
  const [unit, size] = AGE_STEPS.find(([, s]) => Math.abs(past) >= s) ?? ["second", 1];
  return relative.format(-Math.trunc(past / size), unit);
}

export function secondsSince(instant: string, now: number): number {
  return (now - Date.parse(instant)) / 1000;
}

/** "1 m 04 s" between two instants; the run under way is measured up to `now`. */
export function duration(from: Maybe<string>, to: Maybe<string>, now: number): string {
  if (!from) return NO_VALUE;
  const total = Math.max(0, ((to ? Date.parse(to) : now) - Date.parse(from)) / 1000);
  return total < 10 ? `${total.toFixed(1)} s` : seconds(total);
}

/** A length of time in whole seconds: "42 s", "1 m 04 s". */
export function seconds(total: number): string {
  const whole = Math.round(total);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} m ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} m`;
}
