/** Public facts about the server: what there is to sign in with, and whether it sends e-mails. */
import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "@/lib/api-client";

export const metaQuery = queryOptions({
  queryKey: ["meta"],
  queryFn: ({ signal }) => unwrap(api.GET("/api/meta", { signal })),
  staleTime: 60_000,
});
