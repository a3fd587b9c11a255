/** Where one asks for a link to choose another password. What it answers is the same for every address. */
import "@/i18n/later";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorState } from "@/components/state/error-state";
import { Button, buttonClass } from "@/components/ui/button";
import { TextField } from "@/components/ui/text-field";
import { useForgotPassword } from "@/features/auth/api/choose-password";
import { CardPage } from "@/features/auth/components/card-page";

export function ForgotPasswordPage() {
  const { t } = useTranslation();
  const ask = useForgotPassword();
  const [email, setEmail] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!ask.isPending) ask.mutate({ email });
  };
  return (
    <CardPage title={t("forgotPassword.title")}>
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
    </CardPage>
  );
}
