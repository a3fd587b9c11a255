/** Renews the access cookie shortly before it ends, while the page is being looked at. The 401 path stays the safety net. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { sessionQuery, useSession } from "@/lib/access";
import { renewSession } from "@/lib/session-refresh";

const AHEAD_MS = 45_000;
const AT_LEAST_MS = 30_000;

export function useSessionKeepAlive(): void {
  const queryClient = useQueryClient();
  const expiresAt = useSession().access_expires_at;
  useEffect(() => {
    const wait = Math.max(Date.parse(expiresAt) - Date.now() - AHEAD_MS, AT_LEAST_MS);
    const timer = setTimeout(() => {
      if (document.hidden) return;
      renewSession(Date.now() - AHEAD_MS).then(
        () => queryClient.invalidateQueries({ queryKey: sessionQuery.queryKey }),
        () => undefined, // Unreachable: the next call says so where it happens.
      );
    }, wait);
    return () => clearTimeout(timer);
  }, [expiresAt, queryClient]);
}
