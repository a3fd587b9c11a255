/** Where a link leads by which somebody chooses a password. What proves the link stands behind `#` and goes to no log. */
import "@/i18n/later";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorState } from "@/components/state/error-state";
import { Button, buttonClass } from "@/components/ui/button";
import { TextField } from "@/components/ui/text-field";
import { useChoosePassword } from "@/features/auth/api/choose-password";
import { CardPage } from "@/features/auth/components/card-page";

export function ChoosePasswordPage() {
  const { t } = useTranslation();
  const choose = useChoosePassword();
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const [token] = useState(() => window.location.hash.slice(1));
  const differs = again !== "" && password !== again;
  useEffect(() => {
    // The link is good once, and is to be in no history.
    window.history.replaceState(window.history.state, "", window.location.pathname);
  }, []);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!choose.isPending && password === again) choose.mutate({ token, password });
  };
  return (
    <CardPage title={t("choosePassword.title")}>
      {choose.isSuccess ? (
        <div className="flex flex-col gap-4">
          <p role="status">{t("choosePassword.done")}</p>
          <Link to="/sign-in" className={buttonClass({ look: "primary" })}>
            {t("signIn.submit")}
          </Link>
        </div>
      ) : (
        <form onSubmit={submit} className="flex flex-col gap-4">
          {choose.isError && <ErrorState error={choose.error} />}
          <TextField
            label={t("choosePassword.password")}
            hint={t("choosePassword.hint")}
            type="password"
            autoComplete="new-password"
            required
            value={password}
            onChange={setPassword}
          />
          <TextField
            label={t("choosePassword.again")}
            type="password"
            autoComplete="new-password"
            required
            value={again}
            onChange={setAgain}
          />
          {differs && (
            <p role="alert" className="text-bad text-xs">
              {t("choosePassword.differs")}
            </p>
          )}
          <Button type="submit" look="primary" aria-disabled={choose.isPending || differs}>
            {t("choosePassword.submit")}
          </Button>
        </form>
      )}
    </CardPage>
  );
}
