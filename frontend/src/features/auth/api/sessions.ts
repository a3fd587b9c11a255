/** One's own sessions. Whatever is ended, the list is asked for again. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "@/lib/api-client";

export const sessionsQuery = queryOptions({
  queryKey: ["sessions"],
  queryFn: ({ signal }) => unwrap(api.GET("/api/auth/sessions", { signal })),
});

export function useEndSession() {
  const queryClient = useQueryClient();
  return useMutation({
    /** Of one session by its id; without one, of all others. */
    mutationFn: (id?: string) =>
      id === undefined
        ? unwrap(api.DELETE("/api/auth/sessions"))
        : unwrap(api.DELETE("/api/auth/sessions/{id}", { params: { path: { id } } })),
    onSettled: () => queryClient.invalidateQueries({ queryKey: sessionsQuery.queryKey }),
  });
}
