/** Asking for a link, choosing a password by it, and changing one's own. */
import { useMutation } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/lib/api-client";

export function useForgotPassword() {
  return useMutation({
    mutationFn: (body: Schemas["ForgottenPassword"]) =>
      unwrap(api.POST("/api/auth/forgot-password", { body })),
  });
}

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
