/** Sync status, history and trigger. Status is asked each second while a run is under way, seldom otherwise, and never on a hidden tab. */
import { queryOptions, useMutation, useMutationState, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { api, type Schemas, unwrap } from "@/lib/api-client";
import { ApiProblem } from "@/lib/problem";

export type SourceStatus = Schemas["SourceStatus"];
export type Run = Schemas["Run"];
export type SourceSchedule = Schemas["SourceSchedule"];

const RUNNING_MS = 1_000;
const QUIET_MS = 10_000;
const HISTORY_LENGTH = 10;

export function isUnderWay(run: Run | null | undefined): run is Run {
  return run?.state === "queued" || run?.state === "running";
}

export const syncStatusQuery = queryOptions({
  queryKey: ["sync", "status"],
  queryFn: ({ signal }) => unwrap(api.GET("/api/sync/status", { signal })),
  staleTime: 500,
  refetchInterval: ({ state }) =>
    state.data?.sources.some((source) => isUnderWay(source.current)) ? RUNNING_MS : QUIET_MS,
});

export const syncHistoryQuery = queryOptions({
  queryKey: ["sync", "history"],
  queryFn: ({ signal }) =>
    unwrap(api.GET("/api/sync/history", { signal, params: { query: { limit: HISTORY_LENGTH } } })),
});

/** What a run had to say; while it is under way it may say more. */
export function runLogQuery(run: Run) {
  return queryOptions({
    queryKey: ["run-log", run.run_id],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/api/sync/runs/{run}/log", { signal, params: { path: { run: run.run_id } } })),
    refetchInterval: isUnderWay(run) ? 2 * RUNNING_MS : false,
  });
}

const TRIGGER_KEY = ["sync-trigger"];

export interface Triggered {
  source: string;
  /** Someone else was first: the run shown is theirs. */
  already: boolean;
}

export function useTriggerSync() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationKey: TRIGGER_KEY,
    mutationFn: async (source: string): Promise<Triggered> => {
      try {
        await unwrap(api.POST("/api/sync/trigger", { body: { source } }));
        return { source, already: false };
      } catch (error) {
        if (error instanceof ApiProblem && error.code === "sync-already-running")
          return { source, already: true };
        throw error;
      }
    },
    onSettled: () => queryClient.invalidateQueries({ queryKey: ["sync"] }),
  });
}

/** What holds a source back until somebody accepts it, by the code of the run's error. */
export const ACCEPTABLE = { "mass-deletion": "deletions", "schema-drift": "schema" } as const;
export type Acceptable = (typeof ACCEPTABLE)[keyof typeof ACCEPTABLE];

/** Reads a source although much is gone from it, or although fields are. */
export function useAcceptChange(source: string, what: Acceptable) {
  const queryClient = useQueryClient();
  const demand = what === "deletions" ? { accept_deletions: true } : { accept_schema: true };
  return useMutation({
    mutationFn: () => unwrap(api.POST("/api/sync/trigger", { body: { source, ...demand } })),
    onSettled: () => queryClient.invalidateQueries({ queryKey: ["sync"] }),
  });
}

/** Reads again what has last changed within a range. A refusal stays with whoever asked: another run may be under way. */
export function useBackfill(source: string) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas["BackfillRequest"]) =>
      unwrap(api.POST("/api/sync/sources/{source}/backfill", { params: { path: { source } }, body })),
    onSettled: () => queryClient.invalidateQueries({ queryKey: ["sync"] }),
  });
}

export function useCancelSync() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (run: string) =>
      unwrap(api.POST("/api/sync/runs/{run}/cancel", { params: { path: { run } } })),
    onSettled: () => queryClient.invalidateQueries({ queryKey: ["sync"] }),
  });
}

export function useSetSchedule(source: string) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas["ScheduleRequest"]) =>
      unwrap(api.PUT("/api/sync/sources/{source}/schedule", { params: { path: { source } }, body })),
    onSettled: () => queryClient.invalidateQueries({ queryKey: ["sync"] }),
  });
}

/** How the last trigger of a source went, wherever it was pressed: the button also shows what the palette started. */
export function useLastTrigger(source: string) {
  const triggers = useMutationState({
    filters: { mutationKey: TRIGGER_KEY, predicate: ({ state }) => state.variables === source },
    select: ({ state }) => state,
  });
  const last = triggers.at(-1);
  const triggered = last?.data as Triggered | undefined;
  return { pending: last?.status === "pending", error: last?.error, already: triggered?.already ?? false };
}

/** Status of all sources; when a run starts or has ended, everything it may have changed is asked for again. */
export function useSyncStatus() {
  const queryClient = useQueryClient();
  const query = useQuery(syncStatusQuery);
  // A short run may begin and end between two looks: then only the last one is another.
  const runs = query.data?.sources
    .map(({ name, current, last }) => `${name} ${isUnderWay(current)} ${last?.run_id}`)
    .join();
  const before = useRef(runs);
  useEffect(() => {
    if (before.current !== undefined && before.current !== runs) {
      const affected = new Set(["sync", "overview", "lake", "entities"]);
      void queryClient.invalidateQueries({ predicate: ({ queryKey }) => affected.has(String(queryKey[0])) });
    }
    before.current = runs;
  }, [runs, queryClient]);
  return query;
}
