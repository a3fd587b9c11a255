/** Who is signed in. The browser hides by the permissions the server names; it owns no policy. */
import { queryOptions, useSuspenseQuery } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/lib/api-client";

export type Session = Schemas["Session"];
export type Permission =
  | "dashboard:read"
  | "data-lake:read"
  | "sync:read"
  | "sync:trigger"
  | "ops:read"
  | "ops:manage"
  | "records:write"
  | "org:manage"
  | "org:delegate"
  | "users:manage";

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: ({ signal }) => unwrap(api.GET("/api/auth/me", { signal })),
  staleTime: Number.POSITIVE_INFINITY,
  gcTime: Number.POSITIVE_INFINITY,
  // The route guard sends the reader to the sign-in page itself, with the reason.
  meta: { handles401: true },
});

/** The session of a page behind the guard, where it has always been read already. */
export function useSession(): Session {
  return useSuspenseQuery(sessionQuery).data;
}

export function useCan(permission: Permission): boolean {
  return useSession().user.permissions.includes(permission);
}
