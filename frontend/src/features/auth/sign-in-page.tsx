/** The sign-in page: why you are here, the form, and in demo mode the accounts to try. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Brand } from "@/components/ui/brand";
import { DemoAccounts } from "@/features/auth/components/demo-accounts";
import { ProviderButtons } from "@/features/auth/components/provider-buttons";
import { ProviderRefusal } from "@/features/auth/components/provider-refusal";
import { type Credentials, SignInForm } from "@/features/auth/components/sign-in-form";
import { SignInReason, type Why } from "@/features/auth/components/sign-in-reason";
import { metaQuery } from "@/lib/meta";

interface SignInPageProps {
  why: Why | undefined;
  next: string;
  /** Why a provider led back here, and which. */
  refusal: { code: string; via: string | undefined } | undefined;
  onSignedIn: () => void;
}

export function SignInPage({ why, next, refusal, onSignedIn }: SignInPageProps) {
  const { t } = useTranslation();
  const meta = useQuery(metaQuery).data;
  const providers = meta?.sign_in_providers ?? [];
  const refuser = providers.find(({ name }) => name === refusal?.via);
  const [credentials, setCredentials] = useState<Credentials>({ email: "", password: "" });
  useEffect(() => {
    document.title = `${t("signIn.title")} · ${t("app.name")}`;
  }, [t]);
  return (
    <main className="flex min-h-dvh flex-col items-center justify-center gap-6 px-4 py-10">
      <div className="w-full max-w-sm">
        <div className="mb-6">
          <Brand />
          <p className="mt-2 text-[0.8125rem] text-ink-2">{t("app.tagline")}</p>
        </div>
        {why && !refusal && <SignInReason why={why} />}
        <div className="rounded-xl border border-line bg-surface p-5 shadow-pop sm:p-6">
          <h1 className="mb-4 font-semibold text-lg tracking-tight">{t("signIn.title")}</h1>
          {refusal && <ProviderRefusal code={refusal.code} title={refuser?.title} />}
          {providers.length > 0 && <ProviderButtons providers={providers} next={next} />}
          <SignInForm credentials={credentials} onChange={setCredentials} onSignedIn={onSignedIn} />
          {meta?.mails_links && (
            <Link to="/forgot-password" className="mt-4 block text-center text-[0.8125rem] underline">
              {t("signIn.forgot")}
            </Link>
          )}
        </div>
        {meta?.demo && meta.demo_accounts.length > 0 && (
          <DemoAccounts accounts={meta.demo_accounts} onPick={setCredentials} />
        )}
        <p className="num mt-6 min-h-4 text-center text-ink-3 text-xs" data-testid="product-version">
          {meta && `${meta.product} · ${t("signIn.version", { version: meta.version })}`}
        </p>
      </div>
    </main>
  );
}
