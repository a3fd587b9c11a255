import { createFileRoute, stripSearchParams } from "@tanstack/react-router";
import { z } from "zod/mini";
import { QuarantinePage } from "@/features/operations/quarantine-page";

const search = z.object({
  state: z.catch(z._default(z.enum(["open", "superseded", "waived", "all"]), "open"), "open"),
  source: z.catch(z.optional(z.string()), undefined),
  reason: z.catch(z.optional(z.string()), undefined),
  cursor: z.catch(z.optional(z.string()), undefined),
  page: z.catch(z._default(z.number().check(z.int(), z.gte(1)), 1), 1),
});

export const Route = createFileRoute("/_app/data-lake/quarantine/")({
  validateSearch: search,
  search: { middlewares: [stripSearchParams({ state: "open", page: 1 })] },
  component: QuarantineRoute,
});

function QuarantineRoute() {
  return <QuarantinePage search={Route.useSearch()} />;
}
