/** The zones' counts and the health of the parts. */
import { queryOptions } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/lib/api-client";

export type LakeStats = Schemas["LakeStats"];
export type LakeHealth = Schemas["LakeHealth"];

const MOVING_MS = 2_000;
const QUIET_MS = 15_000;

export const lakeStatsQuery = queryOptions({
  queryKey: ["lake", "stats"],
  queryFn: ({ signal }) => unwrap(api.GET("/api/data-lake/stats", { signal })),
  refetchInterval: ({ state }) => (isMoving(state.data) ? MOVING_MS : QUIET_MS),
});

export const lakeHealthQuery = queryOptions({
  queryKey: ["lake", "health"],
  queryFn: ({ signal }) => unwrap(api.GET("/api/data-lake/health", { signal })),
  refetchInterval: QUIET_MS,
});

/** Something is being read, or is still on its way through the zones. */
function isMoving(stats: LakeStats | undefined): boolean {
  if (!stats) return false;
  const waiting = sum((stats.raw ?? []).map((zone) => zone.pending)) + (servingLag(stats) ?? 0);
  return waiting > 0 || stats.meta.sources.some((source) => source.state === "running");
}

/** What canonical has changed and the slowest projection has not seen yet, be it still unpublished or unread. */
export function servingLag(stats: LakeStats): number | null {
  if (!stats.serving) return null;
  return (
    (stats.canonical.pending ?? 0) + Math.max(0, ...stats.serving.map((projection) => projection.pending))
  );
}

export function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
