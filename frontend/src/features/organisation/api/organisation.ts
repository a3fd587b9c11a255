/** Who reports to whom and why, and who stands in for whom. */
import { keepPreviousData, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/lib/api-client";

export type OrgPerson = Schemas["OrgPerson"];
export type PersonRef = Schemas["PersonRef"];
export type ManagerClaim = Schemas["ManagerClaim"];
export type DeclaredManager = Schemas["DeclaredManager"];
export type RefusedManager = Schemas["RefusedManager"];
export type ManagerDeclaration = Schemas["ManagerDeclaration"];
export type Delegation = Schemas["Delegation"];
export type NewDelegation = Schemas["NewDelegationBody"];

const KEY = "organisation";

/** A level of the tree: those under a person, those found by name, or the top of what the reader sees. */
export function treeQuery(which: { under?: string; q?: string }) {
  return queryOptions({
    queryKey: [KEY, "tree", which],
    queryFn: ({ signal }) => unwrap(api.GET("/api/org/tree", { signal, params: { query: which } })),
    placeholderData: which.q ? keepPreviousData : undefined,
  });
}

export function placeQuery(id: string) {
  return queryOptions({
    queryKey: [KEY, "place", id],
    queryFn: ({ signal }) => unwrap(api.GET("/api/org/people/{id}", { signal, params: { path: { id } } })),
  });
}

export function peopleQuery(q: string) {
  return queryOptions({
    queryKey: [KEY, "people", q],
    queryFn: ({ signal }) => unwrap(api.GET("/api/org/people", { signal, params: { query: { q } } })),
    enabled: q.trim() !== "",
    placeholderData: keepPreviousData,
  });
}

export const declaredQuery = queryOptions({
  queryKey: [KEY, "declared"],
  queryFn: ({ signal }) => unwrap(api.GET("/api/org/edges", { signal })),
});

export function delegationsQuery(all: boolean) {
  return queryOptions({
    queryKey: [KEY, "delegations", all],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/api/org/delegations", { signal, params: { query: all ? { all } : {} } })),
  });
}

/** What changes who sees what changes every page. */
function useChange<In, Out>(mutationFn: (input: In) => Promise<Out>) {
  const queryClient = useQueryClient();
  return useMutation({ mutationFn, onSettled: () => queryClient.invalidateQueries() });
}

export function useDeclareManager() {
  return useChange((body: ManagerDeclaration) => unwrap(api.POST("/api/org/edges", { body })));
}

export function useTakeBackManager(id: string) {
  return useChange(() => unwrap(api.DELETE("/api/org/edges/{id}", { params: { path: { id } } })));
}

export function useDelegate() {
  return useChange((body: NewDelegation) => unwrap(api.POST("/api/org/delegations", { body })));
}

export function useWithdrawDelegation(id: string) {
  return useChange(() => unwrap(api.DELETE("/api/org/delegations/{id}", { params: { path: { id } } })));
}
