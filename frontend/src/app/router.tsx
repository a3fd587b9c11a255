/** The router with its error and not-found pages, and the query client that sends the reader to sign in when the session is lost. */
import type { QueryClient } from "@tanstack/react-query";
import {
  createRouter,
  type ErrorComponentProps,
  Link,
  type RouterHistory,
  useRouter,
} from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { routeTree } from "@/app/route-tree.gen";
import { EmptyState } from "@/components/state/empty-state";
import { ErrorState } from "@/components/state/error-state";
import { buttonClass } from "@/components/ui/button";
import { createQueryClient } from "@/lib/query-client";
import { setSessionHint } from "@/lib/session-refresh";

export function createApp(history?: RouterHistory): { router: AppRouter; queryClient: QueryClient } {
  const queryClient = createQueryClient(() => {
    const { pathname, href } = router.state.location;
    if (pathname === "/sign-in") return;
    setSessionHint(false);
    void router
      .navigate({ to: "/sign-in", search: { next: href, why: "expired" } })
      .then(() => queryClient.clear());
  });
  const router = createAppRouter(queryClient, history);
  return { router, queryClient };
}

function createAppRouter(queryClient: QueryClient, history: RouterHistory | undefined) {
  return createRouter({
    routeTree,
    history,
    context: { queryClient },
    defaultPreload: "intent",
    defaultPendingMs: 400,
    defaultPreloadStaleTime: 0,
    scrollRestoration: true,
    defaultErrorComponent: RouteError,
    defaultNotFoundComponent: NotFound,
  });
}

export type AppRouter = ReturnType<typeof createAppRouter>;

declare module "@tanstack/react-router" {
  interface Register {
    router: AppRouter;
  }
}

function RouteError({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  const retry = () => {
    reset();
    void router.invalidate();
  };
  return (
    <main className="mx-auto max-w-xl px-4 py-16">
      <ErrorState error={error} onRetry={retry} />
    </main>
  );
}

function NotFound() {
  const { t } = useTranslation();
  return (
    <main className="mx-auto max-w-xl px-4 py-16">
      <EmptyState
        isPage
        title={t("problem.notFound")}
        why={t("problem.notFoundWhy")}
        action={
          <Link to="/overview" className={buttonClass()}>
            {t("problem.home")}
          </Link>
        }
      />
    </main>
  );
}
