/** The product's mark and name. */
import { useTranslation } from "react-i18next";

export function BrandMark({ className }: { className: string }) {
  return <img src="/favicon.svg" alt="" className={className} />;
}

export function Brand() {
  const { t } = useTranslation();
  return (
    <span className="flex items-center gap-2.5">
      <BrandMark className="size-7" />
      <span className="font-semibold text-[0.9375rem] tracking-tight">{t("app.name")}</span>
    </span>
  );
}
