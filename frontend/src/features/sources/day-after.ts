/** The day after a day, both as YYYY-MM-DD. A range that ends with a day ends where the next one begins. */
export function dayAfter(day: string): string {
  const date = new Date(`${day}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() + 1);
  return date.toISOString().slice(0, 10);
}
