import { createFileRoute } from "@tanstack/react-router";
import { z } from "zod/mini";
import { AuditPage } from "@/features/audit/audit-page";

const text = z.catch(z.optional(z.string()), undefined);

const search = z.object({
  group: text,
  actor: text,
  target: text,
  from: text,
  to: text,
  before: z.catch(z.optional(z.number().check(z.int(), z.gte(1))), undefined),
});

export const Route = createFileRoute("/_app/audit")({
  validateSearch: search,
  component: AuditRoute,
});

function AuditRoute() {
  return <AuditPage search={Route.useSearch()} />;
}
