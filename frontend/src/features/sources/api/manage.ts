/** Sources themselves: adding, changing, testing, looking at, forgetting. Credentials go to the server and never come back. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/lib/api-client";

export type SourceInstance = Schemas["SourceInstance"];
export type SourceAddition = Schemas["SourceAddition"];
export type SourceEdit = Schemas["SourceEdit"];

const path = (source: string) => ({ params: { path: { source } } });

export const sourceInstancesQuery = queryOptions({
  queryKey: ["sync", "sources"],
  queryFn: ({ signal }) => unwrap(api.GET("/api/sync/sources", { signal })),
});

function useChange<In, Out>(mutationFn: (input: In) => Promise<Out>) {
  const queryClient = useQueryClient();
  return useMutation({ mutationFn, onSuccess: () => queryClient.invalidateQueries({ queryKey: ["sync"] }) });
}

export function useAddSource() {
  return useChange((body: SourceAddition) => unwrap(api.POST("/api/sync/sources", { body })));
}

export function useChangeSource(source: string) {
  return useChange((body: SourceEdit) =>
    unwrap(api.PATCH("/api/sync/sources/{source}", { ...path(source), body })),
  );
}

export function useForgetSource(source: string) {
  return useChange(() => unwrap(api.DELETE("/api/sync/sources/{source}", path(source))));
}

export function sourceCursorsQuery(source: string) {
  return queryOptions({
    queryKey: ["sync", "cursors", source],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/api/sync/sources/{source}/cursors", { signal, ...path(source) })),
  });
}

/** The next sync reads all of an object again. */
export function useResetCursor(source: string) {
  return useChange((object: string) =>
    unwrap(
      api.POST("/api/sync/sources/{source}/cursors/reset", { ...path(source), body: { objects: [object] } }),
    ),
  );
}

/** Asked anew each time somebody wants to know: it is about this moment. */
export function sourceTestQuery(source: string) {
  return queryOptions({
    queryKey: ["source-test", source],
    queryFn: ({ signal }) => unwrap(api.POST("/api/sync/sources/{source}/test", { signal, ...path(source) })),
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
}

export function sourceObjectsQuery(source: string) {
  return queryOptions({
    queryKey: ["source-objects", source],
    queryFn: ({ signal }) =>
      unwrap(api.POST("/api/sync/sources/{source}/discover", { signal, ...path(source) })),
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
}
