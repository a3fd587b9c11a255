/** Where sign-in leads back to. Only a path of this site: anything else would be an open redirect. */

export const HOME = "/overview";

export function safeReturnPath(path: string | undefined): string {
  if (!path?.startsWith("/") || path.startsWith("//") || path.includes("\\")) return HOME;
  return path.startsWith("/sign-in") ? HOME : path;
}
