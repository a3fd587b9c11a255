import { createFileRoute, stripSearchParams, useNavigate } from "@tanstack/react-router";
import { z } from "zod/mini";
import { overviewQuery } from "@/features/overview/api/get-overview";
import { STAGE_VIEWS } from "@/features/overview/components/stage-panel";
import { OverviewPage } from "@/features/overview/overview-page";
import { QUARTER } from "@/lib/quarters";

const search = z.object({
  period: z.catch(z.optional(z.string().check(z.regex(QUARTER))), undefined),
  view: z.catch(z._default(z.enum(STAGE_VIEWS), "chart"), "chart"),
});

export const Route = createFileRoute("/_app/overview")({
  validateSearch: search,
  search: { middlewares: [stripSearchParams({ view: "chart" })] },
  loaderDeps: ({ search: { period } }) => ({ period }),
  // Starts the call while the page's code is still on its way; the page itself waits and shows failures.
  loader: ({ context, deps }) => {
    void context.queryClient.prefetchQuery(overviewQuery(deps.period));
  },
  component: OverviewRoute,
});

function OverviewRoute() {
  const navigate = useNavigate({ from: Route.fullPath });
  return (
    <OverviewPage
      search={Route.useSearch()}
      onSearch={(change) => void navigate({ search: (old) => ({ ...old, ...change }), resetScroll: false })}
    />
  );
}
