/** One page of canonical records of one type. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/lib/api-client";
import type { EntityType } from "@/lib/entity-types";

export type EntityItem = Schemas["EntityItem"];

export const PAGE_SIZE = 50;

export function entitiesQuery(type: EntityType, cursor: string | undefined) {
  return queryOptions({
    queryKey: ["entities", type, cursor ?? ""],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/data-lake/entities/{type}", {
          signal,
          params: { path: { type }, query: { limit: PAGE_SIZE, cursor } },
        }),
      ),
    placeholderData: keepPreviousData,
  });
}
