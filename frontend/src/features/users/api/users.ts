/** Accounts: who may sign in, as what. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/lib/api-client";

export type User = Schemas["User"];
export type Invitation = Schemas["Invitation"];
export type UserChange = Schemas["UserChange"];
export type PasswordLink = Schemas["ChoosePassword"];

export const ROLES = [
  "super_admin",
  "executive",
  "sales_manager",
  "account_manager",
  "sales_user",
  "viewer",
] as const;

const KEY = "users";

export function usersQuery(q: string, after: string | undefined) {
  return queryOptions({
    queryKey: [KEY, q, after],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/users", {
          signal,
          params: { query: { ...(q === "" ? {} : { q }), ...(after ? { after } : {}) } },
        }),
      ),
  });
}

function useChange<In, Out>(mutationFn: (input: In) => Promise<Out>) {
  const queryClient = useQueryClient();
  return useMutation({ mutationFn, onSettled: () => queryClient.invalidateQueries({ queryKey: [KEY] }) });
}

export function useInvite() {
  return useChange((body: Invitation) => unwrap(api.POST("/api/users", { body })));
}

/** Of a user as they were read: what somebody else has changed meanwhile is not overwritten. */
export function useChangeUser({ id, revision }: User) {
  return useChange((body: UserChange) =>
    unwrap(
      api.PATCH("/api/users/{id}", {
        params: { path: { id }, header: { "If-Match": String(revision) } },
        body,
      }),
    ),
  );
}

export function useResetLink({ id }: User) {
  return useMutation({
    mutationFn: (mail: boolean) =>
      unwrap(api.POST("/api/users/{id}/reset", { params: { path: { id }, query: { mail } } })),
  });
}

export function userSessionsQuery({ id }: User) {
  return queryOptions({
    queryKey: [KEY, "sessions", id],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/api/users/{id}/sessions", { signal, params: { path: { id } } })),
  });
}

export function useSignOutUser({ id }: User) {
  return useChange(() => unwrap(api.DELETE("/api/users/{id}/sessions", { params: { path: { id } } })));
}
