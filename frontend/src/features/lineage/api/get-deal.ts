/** A deal as people know it: what it is labelled with, by name. */
import { queryOptions } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/lib/api-client";

export type Deal = Schemas["OpportunityItem"];

export function dealQuery(id: string) {
  return queryOptions({
    queryKey: ["entities", "deal", id],
    queryFn: async ({ signal }) => {
      const call = api.GET("/api/opportunities/{id}", { signal, params: { path: { id } } });
      // Only who asks for a write of their own is told to wait.
      const found = (await unwrap(call)) as Schemas["OpportunityAnswer"];
      return found.opportunity;
    },
  });
}
