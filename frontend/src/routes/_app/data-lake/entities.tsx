import { createFileRoute, stripSearchParams } from "@tanstack/react-router";
import { z } from "zod/mini";
import { entitiesQuery } from "@/features/entities/api/get-entities";
import { EntitiesPage } from "@/features/entities/entities-page";
import { ENTITY_TYPES } from "@/lib/entity-types";

const search = z.object({
  type: z.catch(z._default(z.enum(ENTITY_TYPES), "opportunities"), "opportunities"),
  cursor: z.catch(z.optional(z.string()), undefined),
  page: z.catch(z._default(z.number().check(z.int(), z.gte(1)), 1), 1),
});

export const Route = createFileRoute("/_app/data-lake/entities")({
  validateSearch: search,
  search: { middlewares: [stripSearchParams({ type: "opportunities", page: 1 })] },
  loaderDeps: ({ search: { type, cursor } }) => ({ type, cursor }),
  loader: ({ context, deps }) => {
    void context.queryClient.prefetchQuery(entitiesQuery(deps.type, deps.cursor));
  },
  component: EntitiesRoute,
});

function EntitiesRoute() {
  return <EntitiesPage search={Route.useSearch()} />;
}
