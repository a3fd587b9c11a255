/** The lineage of one record: its source records, and why each of its fields says what it says. */
import { queryOptions } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/lib/api-client";
import type { EntityType } from "@/lib/entity-types";

export type Lineage = Schemas["RecordLineage"];
export type LineageField = Schemas["LineageField"];
export type LineageSource = Schemas["LineageSource"];

export function lineageQuery(entity: EntityType, id: string) {
  return queryOptions({
    queryKey: ["entities", "lineage", entity, id],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/api/data-lake/lineage/{entity}/{id}", { signal, params: { path: { entity, id } } })),
  });
}
