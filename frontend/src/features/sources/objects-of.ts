/** The objects of a source: what the last runs read, and what has a cadence of its own. */
import type { SourceStatus } from "@/features/sources/api/sync";

export function objectsOf({ schedule, current, last }: SourceStatus): string[] {
  const read = [...(current?.objects ?? []), ...(last?.objects ?? [])].map(({ object }) => object);
  return [...new Set([...read, ...Object.keys(schedule.objects)])];
}
