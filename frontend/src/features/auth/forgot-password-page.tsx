/** Where one asks for a link to choose another password. What it answers is the same for every address. */
import "@/i18n/later";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorState } from "@/components/state/error-state";
import { Brand } from "@/components/ui/brand";
import { Button, buttonClass } from "@/components/ui/button";
import { TextField } from "@/components/ui/text-field";
import { useForgotPassword } from "@/features/auth/api/choose-password";

export function ForgotPasswordPage() {
  const { t } = useTranslation();
  const ask = useForgotPassword();
  const [email, setEmail] = useState("");
  useEffect(() => {
    document.title = `${t("forgotPassword.title")} · ${t("app.name")}`;
  }, [t]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!ask.isPending) ask.mutate({ email });
  };
  return (
    <main className="flex min-h-dvh flex-col items-center justify-center gap-6 px-4 py-10">
      <div className="w-full max-w-sm">
        <div className="mb-6">
          <Brand />
        </div>
        <div className="flex flex-col gap-4 rounded-xl border border-line bg-surface p-5 shadow-pop sm:p-6">
          <h1 className="font-semibold text-lg tracking-tight">{t("forgotPassword.title")}</h1>
          {ask.isSuccess ? (
            <>
              <p role="status">{t("forgotPassword.done")}</p>
              <p className="text-ink-2 text-xs">{t("forgotPassword.doneHint")}</p>
            </>
          ) : (
            <form onSubmit={submit} className="flex flex-col gap-4">
              <p className="text-ink-2">{t("forgotPassword.text")}</p>
              {ask.isError && <ErrorState error={ask.error} />}
              <TextField
                label={t("signIn.email")}
                type="email"
                autoComplete="username"
                required
                value={email}
                onChange={setEmail}
              />
              <Button type="submit" look="primary" aria-disabled={ask.isPending}>
                {t("forgotPassword.submit")}
              </Button>
            </form>
          )}
          <Link to="/sign-in" className={buttonClass({ look: "ghost" })}>
            {t("forgotPassword.back")}
          </Link>
        </div>
      </div>
    </main>
  );
}
