import { createFileRoute, notFound } from "@tanstack/react-router";
import { LineagePage } from "@/features/lineage/lineage-page";
import { ENTITY_TYPES } from "@/lib/entity-types";

export const Route = createFileRoute("/_app/data-lake/lineage/$type/$id")({
  params: {
    parse: ({ type, id }) => {
      const known = ENTITY_TYPES.find((one) => one === type);
      if (!known) throw notFound();
      return { type: known, id };
    },
    stringify: ({ type, id }) => ({ type, id }),
  },
  component: LineageRoute,
});

function LineageRoute() {
  return <LineagePage {...Route.useParams()} />;
}
