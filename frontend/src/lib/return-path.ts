/** Where sign-in leads back to. Only a path of this site: anything else would be an open redirect. */

export const HOME = "/overview";

export function safeReturnPath(path: string | undefined): string {
  // As the browser reads it, which takes tabs away and backslashes for slashes.
  const here = location.origin;
  if (!path?.startsWith("/") || !URL.canParse(path, here) || new URL(path, here).origin !== here) return HOME;
  return path.startsWith("/sign-in") ? HOME : path;
}
