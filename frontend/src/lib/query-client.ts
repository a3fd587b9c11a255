/** Server state lives in TanStack Query and nowhere else. Failures are shown where they happen; only a lost session is handled here. */
import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { ApiProblem } from "@/lib/problem";

export function createQueryClient(onSessionLost: () => void): QueryClient {
  const onError = (error: unknown, meta: Record<string, unknown> | undefined) => {
    const lost = error instanceof ApiProblem && error.status === 401;
    if (lost && meta?.["handles401"] !== true) onSessionLost();
  };
  return new QueryClient({
    queryCache: new QueryCache({ onError: (error, query) => onError(error, query.meta) }),
    mutationCache: new MutationCache({ onError: (error, _v, _c, mutation) => onError(error, mutation.meta) }),
    defaultOptions: {
      queries: { retry: retryOnce, retryDelay: 400, staleTime: 5_000 },
    },
  });
}

/** A refusal will not change by asking again; a hiccup may. */
function retryOnce(failures: number, error: unknown): boolean {
  if (failures >= 1) return false;
  return error instanceof ApiProblem && (error.status === 0 || error.status >= 500);
}
