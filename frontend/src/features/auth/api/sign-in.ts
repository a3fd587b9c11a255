/** Signing in and out. The cookies are the server's business; this side keeps the session answer only. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { sessionQuery } from "@/lib/access";
import { api, type Schemas, unwrap } from "@/lib/api-client";
import { setSessionHint } from "@/lib/session-refresh";

export function useSignIn() {
  const queryClient = useQueryClient();
  return useMutation({
    meta: { handles401: true },
    mutationFn: (body: Schemas["LoginRequest"]) => unwrap(api.POST("/api/auth/login", { body })),
    onSuccess: (session) => {
      // Nothing that the reader before was shown may appear to this one.
      queryClient.removeQueries({ predicate: (query) => query.queryKey[0] !== "meta" });
      queryClient.setQueryData(sessionQuery.queryKey, session);
      setSessionHint(true);
    },
  });
}

export function useSignOut() {
  return useMutation({
    meta: { handles401: true },
    /** Where to sign out at the provider too, if that is wanted. */
    mutationFn: async () => {
      const answer = await unwrap<Schemas["SignedOut"] | undefined>(api.POST("/api/auth/logout"));
      return answer?.provider_sign_out;
    },
    onSuccess: () => setSessionHint(false),
  });
}
