/** Fiscal quarter keys ("2026-Q4"), as the address and the API write them. */

export const QUARTER = /^\d{4}-Q[1-4]$/;

export function shiftQuarter(key: string, by: number): string {
  const [year = 0, quarter = 1] = key.split("-Q").map(Number);
  const index = year * 4 + (quarter - 1) + by;
  return `${Math.floor(index / 4)}-Q${(index % 4) + 1}`;
}

export function quarterLabel(key: string): string {
  const [year, quarter] = key.split("-");
  return `${quarter} ${year}`;
}

/** Next quarter and the seven before it, newest first, around `anchor`; `shown` is always among them. */
export function quarterChoices(anchor: string, shown: string): string[] {
  const keys = Array.from({ length: 9 }, (_, i) => shiftQuarter(anchor, 1 - i));
  return keys.includes(shown) ? keys : [...keys, shown].sort().reverse();
}

/** The calendar quarter of a moment: where the list of choices starts when the server's own current one is not known. */
export function calendarQuarter(now: Date): string {
  return `${now.getFullYear()}-Q${Math.floor(now.getMonth() / 3) + 1}`;
}
