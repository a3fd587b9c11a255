/** How a deal became what it is. */
import { queryOptions } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/lib/api-client";

export type DealHistory = Schemas["OpportunityHistory"];
export type HistoryRow = Schemas["OpportunityHistoryRow"];

export function historyQuery(id: string) {
  return queryOptions({
    queryKey: ["entities", "history", id],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/api/opportunities/{id}/history", { signal, params: { path: { id } } })),
  });
}
