/**
 * Renewing the access cookie. Refresh tokens rotate and a reused one ends the session, so at most one renewal may be
 * under way, across all tabs: a page-wide promise, and a Web Lock between tabs. A tab that waited for the lock and
 * finds that another one renewed meanwhile does not renew again.
 */
import { readStored, writeStored } from "@/lib/storage";

const HINT = "sc.session";
const RENEWED_AT = "sc.renewed_at";

let underWay: Promise<boolean> | null = null;

/** Says only that this browser has signed in before; lets a first visit go to the sign-in page without a failing call. */
export function hasSessionHint(): boolean {
  return readStored(HINT) === "1";
}

export function setSessionHint(signedIn: boolean): void {
  writeStored(HINT, signedIn ? "1" : null);
  if (signedIn) writeStored(RENEWED_AT, String(Date.now()));
}

/** True when the access cookie is good again. `since` is when the call that found it expired was started. */
export function renewSession(since: number): Promise<boolean> {
  underWay ??= acrossTabs(() => renewUnlessRenewed(since)).finally(() => {
    underWay = null;
  });
  return underWay;
}

async function acrossTabs(renew: () => Promise<boolean>): Promise<boolean> {
  const { locks } = navigator as { locks?: LockManager };
  return locks ? await locks.request("sc-session-renewal", renew) : renew();
}

async function renewUnlessRenewed(since: number): Promise<boolean> {
  if (Number(readStored(RENEWED_AT) ?? 0) > since) return true;
  const answer = await fetch(new URL("/api/auth/refresh", location.origin), {
    method: "POST",
    headers: { "X-Requested-With": "salescommand" },
  });
  if (answer.ok) setSessionHint(true);
  return answer.ok;
}
