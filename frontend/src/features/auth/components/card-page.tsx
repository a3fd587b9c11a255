/** A page of its own for whoever is not signed in: a card with a title. */
import { type ReactNode, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { Brand } from "@/components/ui/brand";

export function CardPage({ title, children }: { title: string; children: ReactNode }) {
  const { t } = useTranslation();
  useEffect(() => {
    document.title = `${title} · ${t("app.name")}`;
  }, [t, title]);
  return (
    <main className="flex min-h-dvh flex-col items-center justify-center gap-6 px-4 py-10">
      <div className="w-full max-w-sm">
        <div className="mb-6">
          <Brand />
        </div>
        <div className="flex flex-col gap-4 rounded-xl border border-line bg-surface p-5 shadow-pop sm:p-6">
          <h1 className="font-semibold text-lg tracking-tight">{title}</h1>
          {children}
        </div>
      </div>
    </main>
  );
}
