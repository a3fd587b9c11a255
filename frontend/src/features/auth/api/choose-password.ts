/** Choosing a password by a link, and changing one's own. */
import { useMutation } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/lib/api-client";

export function useChoosePassword() {
  return useMutation({
    mutationFn: (body: Schemas["PasswordChoice"]) => unwrap(api.POST("/api/auth/choose-password", { body })),
  });
}

export function useChangePassword() {
  return useMutation({
    mutationFn: (body: Schemas["PasswordChange"]) => unwrap(api.PUT("/api/auth/password", { body })),
  });
}
