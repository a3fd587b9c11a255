/** After a change of page the focus goes to the new content, as it does when a document loads; filters and tabs leave it alone. */
import { useLocation } from "@tanstack/react-router";
import { useEffect, useRef } from "react";

export function useFocusOnNavigation(id: string): void {
  const pathname = useLocation({ select: (location) => location.pathname });
  const before = useRef(pathname);
  useEffect(() => {
    if (before.current === pathname) return;
    before.current = pathname;
    document.getElementById(id)?.focus({ preventScroll: true });
  }, [pathname, id]);
}
