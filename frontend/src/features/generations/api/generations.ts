/**
 * Generations and replays. Asked each second while a replay moves, seldom otherwise, and never on a hidden tab. When the
 * switch has moved, everything on screen may say something else: it is all asked for again.
 */
import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { api, type Schemas, unwrap } from "@/lib/api-client";

export type Replay = Schemas["ReplaySummary"];
export type GenerationList = Schemas["GenerationList"];
export type GenerationSet = Schemas["GenerationSet"];
export type ReplayDetail = Schemas["ReplayDetail"];

const MOVING_MS = 1_000;
const QUIET_MS = 10_000;
const HISTORY_LENGTH = 10;
const KEY = ["lake", "generations"] as const;

/** Something will happen to it without a person. */
export function moves({ state, command }: Replay): boolean {
  return (
    state === "requested" || state === "building" || state === "comparing" || (state === "ready" && !!command)
  );
}

export function isOver({ state }: Replay): boolean {
  return state === "switched" || state === "verified" || state === "cancelled" || state === "failed";
}

export const generationsQuery = queryOptions({
  queryKey: [...KEY, "list"],
  queryFn: ({ signal }) => unwrap(api.GET("/api/data-lake/generations", { signal })),
  staleTime: 500,
  refetchInterval: ({ state }) => (state.data?.open_replays.some(moves) ? MOVING_MS : QUIET_MS),
});

export const replaysQuery = queryOptions({
  queryKey: [...KEY, "replays"],
  queryFn: ({ signal }) =>
    unwrap(api.GET("/api/data-lake/replays", { signal, params: { query: { limit: HISTORY_LENGTH } } })),
});

export function replayQuery(replay: string) {
  return queryOptions({
    queryKey: [...KEY, "replay", replay],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/api/data-lake/replays/{replay}", { signal, params: { path: { replay } } })),
    staleTime: 500,
    refetchInterval: ({ state }) => {
      if (!state.data || isOver(state.data.replay)) return false;
      return moves(state.data.replay) ? MOVING_MS : QUIET_MS;
    },
  });
}

/** The list, which asks for everything else again when the switch or the set of open replays has changed. */
export function useGenerations() {
  const queryClient = useQueryClient();
  const query = useQuery(generationsQuery);
  const data = query.data;
  useChange(data && JSON.stringify(data.switch), () => refetchFigures(queryClient));
  useChange(data?.open_replays.map(({ id, state }) => id + state).join(), () =>
    queryClient.invalidateQueries({ queryKey: replaysQuery.queryKey }),
  );
  return query;
}

/** One replay; when it ends, what is read may be another generation. */
export function useReplay(id: string) {
  const queryClient = useQueryClient();
  const query = useQuery(replayQuery(id));
  useChange(query.data?.replay.state, () => refetchFigures(queryClient));
  return query;
}

function useChange(value: string | undefined, then: () => unknown) {
  const before = useRef(value);
  const effect = useRef(then);
  useEffect(() => {
    effect.current = then;
  });
  useEffect(() => {
    if (before.current !== undefined && before.current !== value) void effect.current();
    before.current = value;
  }, [value]);
}

function refetchFigures(queryClient: ReturnType<typeof useQueryClient>) {
  return queryClient.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== "session" });
}

function useGenerationMutation<V, R>(mutationFn: (variables: V) => Promise<R>) {
  const queryClient = useQueryClient();
  return useMutation({ mutationFn, onSettled: () => queryClient.invalidateQueries({ queryKey: KEY }) });
}

export function useStartReplay() {
  return useGenerationMutation((body: Schemas["ReplayRequest"]) =>
    unwrap(api.POST("/api/data-lake/replays", { body })),
  );
}

export function useCancelReplay(replay: string) {
  return useGenerationMutation((_: undefined) =>
    unwrap(api.POST("/api/data-lake/replays/{replay}/cancel", { params: { path: { replay } } })),
  );
}

/** With a reason it switches also if the gate is shut. */
export function useSwitchTo(replay: string) {
  return useGenerationMutation((reason: string | undefined) =>
    unwrap(
      api.POST("/api/data-lake/replays/{replay}/switch", {
        params: { path: { replay } },
        body: { accept_unexplained: reason },
      }),
    ),
  );
}

export function useRollBack() {
  return useGenerationMutation((from: GenerationSet) =>
    unwrap(api.POST("/api/data-lake/generations/rollback", { body: { from } })),
  );
}

export function useDropPrevious() {
  return useGenerationMutation((previous: GenerationSet) =>
    unwrap(api.POST("/api/data-lake/generations/drop-previous", { body: { previous } })),
  );
}
