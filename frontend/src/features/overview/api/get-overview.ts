/** The overview answer. Asked again often while a sync is running or its records are not in the figures yet, seldom otherwise. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/lib/api-client";

export type Overview = Schemas["Overview"];

const MOVING_MS = 2_000;
const QUIET_MS = 15_000;

export function overviewQuery(period: string | undefined) {
  return queryOptions({
    queryKey: ["overview", period ?? "current"],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/api/dashboard/overview", { signal, params: { query: { period } } })),
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) => (isMoving(state.data) ? MOVING_MS : QUIET_MS),
  });
}

function isMoving(overview: Overview | undefined): boolean {
  return overview?.meta.sources.some((source) => source.state === "running" || !source.projected) ?? false;
}
