/** Whether a link is sent by e-mail; asked only where there is a mail server. */
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { metaQuery } from "@/lib/meta";

export function useMailsLinks(): boolean {
  return useQuery(metaQuery).data?.mails_links ?? false;
}

interface MailFieldProps {
  value: boolean;
  onChange: (mail: boolean) => void;
}

export function MailField({ value, onChange }: MailFieldProps) {
  const { t } = useTranslation();
  if (!useMailsLinks()) return null;
  return (
    <label className="flex items-center gap-2 text-[0.8125rem]">
      <input
        type="checkbox"
        checked={value}
        onChange={(event) => onChange(event.target.checked)}
        className="size-4 accent-accent"
      />
      {t("users.mail")}
    </label>
  );
}
